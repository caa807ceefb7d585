"""A model's modes on a grid, asked for alike by the plan, by jobs and by models."""

from collections.abc import Sequence


def by_axis(modes: int | Sequence[int], num_dims: int) -> tuple[int, ...]:
    """Modes along each axis, of which one number is that of all."""
    return (modes,) * num_dims if isinstance(modes, int) else tuple(modes)


def padded(grid: Sequence[int], padding: Sequence[float]) -> tuple[int, ...]:
    """Points along each axis with the zeros that are appended, a share of its points; none without shares."""
    return tuple(n + round(share * n) for n, share in zip(grid, padding or [0.0] * len(grid), strict=True))


def most_modes(grid: Sequence[int], padding: Sequence[float]) -> tuple[int, ...]:
    """Modes that each axis of a grid holds at most: half of its points, padding counted, as beyond it two
    wavenumbers have the same values at all points."""
    return tuple(n // 2 for n in padded(grid, padding))


def fit(modes: Sequence[int], grid: Sequence[int], padding: Sequence[float]) -> bool:
    """Whether a grid holds these modes, by axis."""
    return all(own <= most for own, most in zip(modes, most_modes(grid, padding), strict=True))
