"""Darcy flow through a rough medium on the unit square: finite volumes, and the solver that belongs to them.

-div(a ∇u) = f with u = 0 on the boundary (Li et al. 2021, arXiv 2010.08895, section 5.2 and A.3.2, has f = 1).
Fields are ``(count, N, N)``, in the order (y, x), at the nodes 0, 1/(N-1), ..., 1, those of the boundary included.
All is dimensionless; the domain has length 1.

A node stands for the cell around it, of width h = 1/(N-1), in which a is constant. What flows from a cell into the
next goes through half a cell of each, so the face between has the harmonic mean of both (Patankar 1980, section
4.2-3), which makes the flow through an interface between cells exact in one dimension. For smooth a the scheme
converges with order two. The program of the paper's authors takes arithmetic means, of a at interpolated points.
"""

from functools import lru_cache

import numpy as np

TOLERANCE = 3e-11  #: relative residual at which ``solve`` is done with an example
_STEPS = 1000  # a contrast of 4 takes about 24
_TRANSFORMED = 100  # N from which a fast transform beats products with a matrix of sines


def two_phase(field: np.ndarray, low: float = 3.0, high: float = 12.0) -> np.ndarray:
    """The medium of the paper, of a field's shape: a = ``high`` where the random field is not negative, else
    ``low``."""
    return np.where(field >= 0, high, low)


def apply(coefficient: np.ndarray, u: np.ndarray) -> np.ndarray:
    """-div(a ∇u) at the nodes inside, ``(..., N-2, N-2)``, of a and u at all nodes, ``(..., N, N)``.

    The values of u on the boundary are taken as they are. It is arithmetic and slices alone, in the precision of
    what is given, so that tensors will do as well.
    """
    return _outflow(_faces(coefficient), u) * (u.shape[-1] - 1) ** 2


def residual(coefficient: np.ndarray, solution: np.ndarray, source: np.ndarray | float = 1.0) -> np.ndarray:
    """‖-div(a ∇u) - f‖ / ‖f‖ over the nodes inside, for each example, ``(count,)``, in float64.

    Rounding u to float32 leaves up to 1e-8 N² (contrast 4), as a second difference is divided by h².
    """
    inside = np.broadcast_to(source, solution.shape)[:, 1:-1, 1:-1]
    defect = apply(coefficient.astype(np.float64), solution.astype(np.float64)) - inside
    return np.sqrt((defect**2).sum(axis=(1, 2)) / (inside**2).sum(axis=(1, 2)))


def solve(coefficient: np.ndarray, source: np.ndarray | float = 1.0) -> np.ndarray:
    """u with -div(a ∇u) = f inside and u = 0 on the boundary, ``(count, N, N)``, float64.

    ``source`` is a number or ``(count, N, N)``; its values on the boundary count for nothing. The relative
    residual is ``TOLERANCE``, to which rounding adds about 1e-17 N² times the contrast max a / min a. An example
    of such a contrast that it is not there after 1000 steps is left as it is: ``residual`` tells. Raises
    ValueError where a coefficient is not positive.
    """
    coefficient = coefficient.astype(np.float64)
    wrong = np.flatnonzero(~(coefficient > 0).all(axis=(1, 2)))
    if wrong.size:
        raise ValueError(f"the coefficient of example {wrong[0]} is not positive everywhere")
    solution = np.zeros_like(coefficient)
    # One example at a time: all that it takes stays in the cache, and a batch of several is slower.
    for a, f, u in zip(coefficient, np.broadcast_to(source, coefficient.shape), solution, strict=True):
        u[1:-1, 1:-1] = _conjugate_gradients(_faces(a), f[1:-1, 1:-1] / (len(a) - 1) ** 2)
    return solution


def _faces(coefficient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Harmonic means at the faces of the cells inside, along x ``(..., N-2, N-1)`` and y ``(..., N-1, N-2)``."""
    left, right = coefficient[..., 1:-1, :-1], coefficient[..., 1:-1, 1:]
    lower, upper = coefficient[..., :-1, 1:-1], coefficient[..., 1:, 1:-1]
    return 2 * left * right / (left + right), 2 * lower * upper / (lower + upper)


def _outflow(faces: tuple[np.ndarray, np.ndarray], u: np.ndarray) -> np.ndarray:
    """What flows out of each cell inside, ``(..., N-2, N-2)``: -h² div(a ∇u)."""
    # Against the axes, where u grows along them.
    flow_x = faces[0] * (u[..., 1:-1, 1:] - u[..., 1:-1, :-1])
    flow_y = faces[1] * (u[..., 1:, 1:-1] - u[..., :-1, 1:-1])
    return flow_x[..., :-1] - flow_x[..., 1:] + flow_y[..., :-1, :] - flow_y[..., 1:, :]


def _conjugate_gradients(faces: tuple[np.ndarray, np.ndarray], load: np.ndarray) -> np.ndarray:
    """u inside, ``(n, n)``, of one example, by its faces and h² f, ``(n, n)``.

    The preconditioner is the same operator with a = 1, inverted by sine transforms (Concus, Golub & O'Leary 1976).
    The condition number is then the contrast max a / min a at most, however fine the grid: a step divides
    the error by (√c + 1) / (√c - 1) at least, 3 for a contrast c of 4.
    """
    u, defect = np.zeros_like(load), load.copy()
    padded = np.pad(u, 1)  # the search direction with its boundary
    direction = padded[1:-1, 1:-1]
    goal, energy = TOLERANCE**2 * _dot(load, load), np.inf
    for _ in range(_STEPS):
        if _dot(defect, defect) <= goal:
            break
        # This only chooses directions: single precision will do.
        step = _solve_poisson(defect.astype(np.float32))
        last, energy = energy, _dot(defect, step)
        direction *= energy / last
        direction += step
        flow = _outflow(faces, padded)
        length = energy / _dot(direction, flow)
        u += length * direction
        defect -= length * flow
    return u


def _solve_poisson(load: np.ndarray) -> np.ndarray:
    """u inside for a = 1, ``(n, n)``, of h² f, ``(n, n)``; float32."""
    import scipy.fft  # takes a third of a second

    n = len(load)
    inverse = _inverse_eigenvalues(n)
    # A period is 2 (N-1) points long; where that has a large prime factor, no transform is fast.
    if n + 2 < _TRANSFORMED or scipy.fft.next_fast_len(2 * n + 2) != 2 * n + 2:
        sines = _sines(n)
        return sines @ (inverse * (sines @ load @ sines)) @ sines
    load_hat = scipy.fft.dstn(load, type=1, norm="ortho")
    load_hat *= inverse
    return scipy.fft.dstn(load_hat, type=1, norm="ortho", overwrite_x=True)


@lru_cache(maxsize=4)
def _sines(n: int) -> np.ndarray:
    """Eigenvectors of the second difference, orthonormal and symmetric, ``(n, n)``; float32."""
    k = np.arange(1, n + 1)
    return (np.sqrt(2 / (n + 1)) * np.sin(np.pi * np.outer(k, k) / (n + 1))).astype(np.float32)


@lru_cache(maxsize=4)
def _inverse_eigenvalues(n: int) -> np.ndarray:
    """Inverse eigenvalues of -h² Δ, ``(n, n)``; float32."""
    eigenvalues = 4 * np.sin(np.pi * np.arange(1, n + 1) / (2 * n + 2)) ** 2
    return (1 / (eigenvalues[:, None] + eigenvalues)).astype(np.float32)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return np.einsum("yx,yx->", a, b)  # unlike BLAS, in an order that no number of threads changes
