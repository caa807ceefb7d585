"""Shallow water on a square with open sides: finite volumes.

∂ₜh + div(h v) = 0 and ∂ₜ(h v) + div(h v vᵀ) + ∇(g h² / 2) = 0 over a flat bottom, with the depth h, nowhere zero,
and the velocity v. Waves leave through the sides: outside, the state is that of the last cell (extrapolation of
order zero). States are averages over cells of h, h v_x and h v_y, ``(3, count, N_y, N_x)``, in the order (y, x).

The scheme is of second order where h and v are smooth: slopes of h and v are limited after van Leer, states at
faces move on by half a step (Hancock), and what flows through a face is that of the Riemann solver HLL, with the
velocity along the face taken from where the water comes from, as in HLLC (Toro 2001, Shock-Capturing Methods for
Free-Surface Shallow Flows, chapters 10 and 11). Both directions take the same step. Water leaves a cell only to
the next one, so that none is lost but through the sides.
"""

import numpy as np

from pdetransfer.data.checks import check_numbers, check_sizes

_BLOCK = 2**14  # cells of the examples that are solved together: what they take should stay in the cache
_MOST_STEPS = 10**6  # between two frames; what needs more has broken down


def dam(
    radius: np.ndarray, side: float, num_points: int, inside: float = 2.0, outside: float = 1.0
) -> np.ndarray:
    """The depth within and around circular dams of a radius, ``(count,)``, in the middle of a square of this side:
    ``(count, num_points, num_points)``.

    A cell that the circle passes through has its exact average, so that averages over blocks of cells are those of
    a coarser grid. The depths are those of PDEBench (Takamoto et al. 2022, arXiv 2210.07182), where the side is 5,
    and radii are uniform from 0.3 to 0.7.
    """
    corners = side * (np.arange(num_points + 1) / num_points - 0.5)
    area = _area(np.abs(corners)[:, None], np.abs(corners), radius[:, None, None])
    area *= np.sign(corners)[:, None] * np.sign(corners)
    part = np.diff(np.diff(area, axis=1), axis=2) * (num_points / side) ** 2
    return outside + (inside - outside) * part


def _area(y: np.ndarray, x: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Of the part of a disc around 0 in [0, x] x [0, y]."""
    x, y = np.minimum(x, radius), np.minimum(y, radius)
    flat = np.minimum(x, np.sqrt(radius**2 - y**2))  # up to here, the disc reaches to y

    def under_the_arc(x: np.ndarray) -> np.ndarray:
        return (x * np.sqrt(radius**2 - x**2) + radius**2 * np.arcsin(x / radius)) / 2

    return flat * y + under_the_arc(x) - under_the_arc(flat)


def solve(
    initial: np.ndarray,
    side: float,
    interval: float,
    num_frames: int,
    num_points: int,
    gravity: float = 1.0,
    cfl: float = 0.8,
) -> tuple[np.ndarray, np.ndarray]:
    """h at the times 0, ``interval``, ..., ``(count, num_frames, num_points, num_points)``, and how much water
    is lost, ``(count,)``.

    ``initial`` is h at time 0, ``(count, n, n)``, of water at rest; it is solved on this grid, and frames are
    averages over blocks of its cells. ``cfl`` is that of ``evolve``.

    The water in the square and what has left through its sides are compared with the water at time 0. The loss is
    relative to it, and that of the worst frame: rounding alone, and infinite if the solution broke down. It does
    not tell how far the solution is from the exact one, whose jumps are a few cells wide here.

    An example is the same to the last bit, whatever it is solved with. They are solved in blocks of 16384 cells,
    or one by one where they have more: beside the frames it takes some 8 MB on 64 cells a side, 25 MB on 256.

    Raises ValueError for numbers out of range, n that is no multiple of ``num_points``, and a depth that is not
    above zero.
    """
    check_numbers(side=side, interval=interval, gravity=gravity, cfl=cfl)
    check_sizes(1, num_frames=num_frames, num_points=num_points)
    initial = np.asarray(initial, dtype=np.float64)
    n = initial.shape[-1] if initial.ndim else 0
    if initial.shape[1:] != (n, n) or n % num_points:
        raise ValueError(
            f"initial has the shape {initial.shape}; expected (count, n, n) with n a multiple of {num_points}"
        )
    if not (initial > 0).all():
        raise ValueError("initial is not above 0 everywhere; expected some water in each cell")

    frames = np.empty((len(initial), num_frames, num_points, num_points))
    lost = np.zeros(len(initial))
    block = max(1, _BLOCK // n**2)
    with np.errstate(over="ignore", invalid="ignore"):  # of what breaks down
        for start in range(0, len(initial), block):
            some = slice(start, start + block)
            states = np.zeros((3, *initial[some].shape))
            states[0] = initial[some]
            water, gone = _water(states), np.zeros(states.shape[1])
            frames[some, 0] = _averages(states[0], num_points)
            for frame in range(1, num_frames):
                states, out = evolve(states, side / n, gravity, interval, cfl)
                gone += out
                frames[some, frame] = _averages(states[0], num_points)
                loss = np.abs(_water(states) + gone - water) / water
                lost[some] = np.maximum(lost[some], np.where(np.isnan(loss), np.inf, loss))
    return frames, lost


def evolve(
    states: np.ndarray, spacing: float, gravity: float, time: float, cfl: float
) -> tuple[np.ndarray, np.ndarray]:
    """States at ``time``, of those at time 0, both ``(3, count, N_y, N_x)``, and what has left through the sides,
    ``(count,)``, in units of a cell filled to depth 1.

    In a step the fastest waves along x and along y move by ``cfl`` cells at most, both together; up to 1 the
    scheme is stable. Each example has its own steps. What would take too many becomes NaN.
    """
    left, gone = np.full(states.shape[1], float(time)), np.zeros(states.shape[1])
    while left.any():
        cells = _with_sides(states)
        steps = np.ceil(left * _speed(cells, gravity) / (cfl * spacing))
        step = left / np.where(steps < _MOST_STEPS, np.maximum(steps, 1), np.nan)
        left = np.where((steps > 1) & (steps < _MOST_STEPS), left - step, 0)
        states, out = _advance(states, cells, (step / spacing)[:, None, None], gravity)
        gone += out
    return states, gone


def _with_sides(states: np.ndarray) -> np.ndarray:
    """h, v_x and v_y in the cells and two more on each side, ``(3, count, N_y + 4, N_x + 4)``."""
    count, num_y, num_x = states.shape[1:]
    cells = np.empty((3, count, num_y + 4, num_x + 4))
    inside = cells[..., 2:-2, 2:-2]
    inside[0] = states[0]
    np.divide(states[1:], states[0], out=inside[1:])
    cells[..., 2:-2, :2], cells[..., 2:-2, -2:] = cells[..., 2:-2, 2:3], cells[..., 2:-2, -3:-2]
    cells[..., :2, :], cells[..., -2:, :] = cells[..., 2:3, :], cells[..., -3:-2, :]
    return cells


def _speed(cells: np.ndarray, gravity: float) -> np.ndarray:
    """Of the fastest waves along x and along y, added, ``(count,)``."""
    h, u, v = cells
    return (np.abs(u) + np.abs(v) + 2 * np.sqrt(gravity * h)).max(axis=(1, 2))


def _advance(
    states: np.ndarray, cells: np.ndarray, ratio: np.ndarray, gravity: float
) -> tuple[np.ndarray, np.ndarray]:
    """States after a step, and what has left; the ratio is that of the step to the spacing, ``(count, 1, 1)``."""
    by_x, by_y = np.diff(cells[..., 1:-1, :], axis=3), np.diff(cells[..., 1:-1], axis=2)
    along_x, along_y = _limited(by_x[..., :-1], by_x[..., 1:]), _limited(by_y[..., :-1, :], by_y[..., 1:, :])
    cells = cells[..., 1:-1, 1:-1]
    halfway = cells - ratio / 2 * _change(cells, along_x, along_y, gravity)
    along_x, along_y = along_x[..., 1:-1, :] / 2, along_y[..., 1:-1] / 2
    row, column = halfway[..., 1:-1, :], halfway[..., 1:-1]
    flow_x = _flow((row + along_x)[..., :-1], (row - along_x)[..., 1:], gravity, normal=1)
    flow_y = _flow((column + along_y)[..., :-1, :], (column - along_y)[..., 1:, :], gravity, normal=2)
    new = states - ratio * (np.diff(flow_x, axis=3) + np.diff(flow_y, axis=2))
    out = (flow_x[0, :, :, -1] - flow_x[0, :, :, 0]).sum(axis=1)
    out += (flow_y[0, :, -1] - flow_y[0, :, 0]).sum(axis=1)
    return new, ratio[:, 0, 0] * out


def _limited(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Slopes per cell, by the differences to both neighbours: their harmonic mean, or 0 where they differ
    in sign (van Leer 1974)."""
    slopes = before * after
    np.maximum(slopes, 0, out=slopes)
    slopes *= 2
    slopes /= before + after + np.finfo(float).tiny  # where the sum is 0, so is the product
    return slopes


def _change(cells: np.ndarray, along_x: np.ndarray, along_y: np.ndarray, gravity: float) -> np.ndarray:
    """-∂ₜ of h, v_x and v_y, by their slopes, in units of the spacing."""
    h, u, v = cells
    change = np.empty_like(cells)
    change[0] = (u * along_x[0] + h * along_x[1]) + (v * along_y[0] + h * along_y[2])
    change[1] = (u * along_x[1] + gravity * along_x[0]) + v * along_y[1]
    change[2] = (v * along_y[2] + gravity * along_y[0]) + u * along_x[2]
    return change


def _flow(left: np.ndarray, right: np.ndarray, gravity: float, normal: int) -> np.ndarray:
    """Of h, h v_x and h v_y through faces across the direction ``normal``, by h, v_x and v_y on both sides."""
    along = 3 - normal
    h_l, u_l, h_r, u_r = left[0], left[normal], right[0], right[normal]
    c_l, c_r = np.sqrt(gravity * h_l), np.sqrt(gravity * h_r)
    slowest = np.minimum(np.minimum(u_l - c_l, u_r - c_r), 0)
    fastest = np.maximum(np.maximum(u_l + c_l, u_r + c_r), 0)
    q_l, q_r = h_l * u_l, h_r * u_r
    width, both = fastest - slowest, fastest * slowest
    flow = np.empty_like(left)
    flow[0] = (fastest * q_l - slowest * q_r + both * (h_r - h_l)) / width
    m_l, m_r = q_l * u_l + gravity / 2 * h_l**2, q_r * u_r + gravity / 2 * h_r**2
    flow[normal] = (fastest * m_l - slowest * m_r + both * (q_r - q_l)) / width
    flow[along] = flow[0] * np.where(flow[0] > 0, left[along], right[along])
    return flow


def _averages(depth: np.ndarray, num_points: int) -> np.ndarray:
    """Over blocks of cells, ``(count, num_points, num_points)``."""
    size = depth.shape[1] // num_points
    blocks = depth.reshape(len(depth), num_points, size, num_points, size)
    return blocks.sum(axis=4).sum(axis=2) / size**2


def _water(states: np.ndarray) -> np.ndarray:
    """In the square, ``(count,)``, in units of a cell filled to depth 1."""
    return states[0].sum(axis=2).sum(axis=1)
