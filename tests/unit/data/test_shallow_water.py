"""Shallow water against exact solutions and radial equations, and what its solutions must have in common."""

import numpy as np
import pytest
import scipy.optimize

from pdetransfer.data.shallow_water import dam, evolve, solve

SIDE = 5.0


def at_rest(depth):
    """States of water at rest, of its depth, ``(count, N_y, N_x)``."""
    return np.stack([depth, 0 * depth, 0 * depth])


def random_depth(count, n):
    """Blocks of 4 x 4 cells, with jumps between them."""
    return np.kron(np.random.default_rng(0).uniform(0.5, 2, (count, n // 4, n // 4)), np.ones((1, 4, 4)))


def orders(sizes, errors):
    """At which errors fall from the first to the last of these sizes."""
    return np.log(np.divide(errors[0], errors[-1])) / np.log(sizes[-1] / sizes[0])


def cell_averages(function, edges):
    """Of a function of one variable over the cells between edges, at 64 points in each."""
    return function(np.linspace(edges[:-1], edges[1:], 129)[1::2]).mean(axis=0)


def along(direction, profile):
    """States of 4 equal rows or columns, from h and its velocity along x or y, ``(2, n)``."""
    depth, velocity = profile[:, None, None] * np.ones((4, 1))
    momentum, nothing = depth * velocity, 0 * depth
    if direction == "x":
        return np.stack([depth, momentum, nothing])
    return np.stack([depth, nothing, momentum]).swapaxes(2, 3)


def stoker(x, high=2.0, low=1.0):
    """h and v at time 1 after a dam between two depths broke at 0, for g = 1 (Stoker 1957)."""

    def behind_the_shock(h):
        return (h - low) * np.sqrt((h + low) / (2 * h * low))

    middle = scipy.optimize.brentq(
        lambda h: 2 * (np.sqrt(high) - np.sqrt(h)) - behind_the_shock(h), low, high, xtol=1e-14
    )
    velocity = behind_the_shock(middle)
    celerity = np.clip((2 * np.sqrt(high) - x) / 3, np.sqrt(middle), np.sqrt(high))  # of the rarefaction
    behind = x < middle * velocity / (middle - low)
    return np.where(behind, celerity**2, low), np.where(behind, 2 * (np.sqrt(high) - celerity), 0)


def radial(radius, time, num_cells=1200):
    """h at a time after a round dam broke, as a function of r: the equations in r, of one dimension, by Rusanov's
    flux with slopes after minmod and Heun's method."""
    edges = np.linspace(0, 3, num_cells + 1)
    r, spacing = (edges[1:] + edges[:-1]) / 2, edges[1]
    states = np.stack([np.where(r < radius, 2.0, 1.0), 0 * r])

    def flux(h, q):
        return np.stack([q, q**2 / h + h**2 / 2])

    def change(states):
        around = np.concatenate(
            [states[:, 1::-1] * [[1], [-1]], states, states[:, -1:], states[:, -1:]], axis=1
        )
        steps = np.diff(around, axis=1)
        a, b = steps[:, :-1], steps[:, 1:]
        slopes = np.where(a * b > 0, np.sign(a) * np.minimum(np.abs(a), np.abs(b)), 0)
        left, right = (around[:, 1:-1] + slopes / 2)[:, :-1], (around[:, 1:-1] - slopes / 2)[:, 1:]
        fastest = np.maximum(*(np.abs(q / h) + np.sqrt(h) for h, q in (left, right)))
        flow = edges * ((flux(*left) + flux(*right)) - fastest * (right - left)) / 2
        return (-np.diff(flow, axis=1) / spacing + [0 * r, states[0] ** 2 / 2]) / r

    num_steps = int(np.ceil(time * 2 / (0.4 * spacing)))
    step = time / num_steps
    for _ in range(num_steps):
        halfway = states + step * change(states)
        states = (states + halfway + step * change(halfway)) / 2
    return lambda distance: np.interp(distance, r, states[0])


# Cells along, and the errors of h and v at time 1 after a plane dam broke, averaged over -2.5 ... 2.5.
OF_STOKER = """
   50   8.1e-03   6.8e-03
  100   4.2e-03   3.4e-03
  200   1.9e-03   1.6e-03
  400   1.1e-03   9.3e-04
"""


@pytest.mark.parametrize("direction", ["x", "y"])
def test_a_plane_dam_breaks_as_stoker_says(direction):
    """To first order in the mean, as there is a shock."""
    table = np.loadtxt(OF_STOKER.splitlines())
    errors = []
    for n in table[:, 0].astype(int):
        edges = np.linspace(-2.5, 2.5, n + 1)
        initial = along(direction, np.stack([np.where(edges[1:] <= 0, 2.0, 1.0), np.zeros(n)]))
        states, _ = evolve(initial, SIDE / n, 1.0, 1.0, 0.8)
        exact = along(
            direction, np.stack([cell_averages(lambda x, i=i: stoker(x)[i], edges) for i in (0, 1)])
        )
        normal = "xy".index(direction) + 1
        velocity = np.abs(states[normal] / states[0] - exact[normal] / exact[0]).mean()
        errors.append([np.abs(states[0] - exact[0]).mean(), velocity])
        np.testing.assert_array_equal(states[3 - normal], 0)
    np.testing.assert_allclose(errors, table[:, 1:], rtol=0.1)
    np.testing.assert_allclose(orders(table[:, 0], errors), 1, atol=0.1)


# Cells, and the mean error of h of a simple wave at time 0.5.
OF_A_WAVE = """
   50   7.1e-04
  100   1.7e-04
  200   4.0e-05
  400   9.2e-06
"""


def test_a_smooth_wave_is_solved_at_second_order():
    """A simple wave, v = 2 (c - 1) with c = √h: c travels at the speed 3 c - 2, steeper and steeper."""

    def celerity(x, time):
        def at_start(x):
            return 1 + 0.1 * np.exp(-4 * (x + 0.5) ** 2)

        start = x
        for _ in range(60):  # a contraction, as the wave has not broken
            start = x - (3 * at_start(start) - 2) * time
        return at_start(start)

    sizes, expected = np.loadtxt(OF_A_WAVE.splitlines()).T
    errors = []
    for n in sizes.astype(int):
        edges = np.linspace(-2.5, 2.5, n + 1)

        def profile(time, edges=edges):
            h = cell_averages(lambda x: celerity(x, time) ** 2, edges)
            q = cell_averages(lambda x: 2 * celerity(x, time) ** 2 * (celerity(x, time) - 1), edges)
            return np.stack([h, q / h])

        states, _ = evolve(along("x", profile(0.0)), SIDE / n, 1.0, 0.5, 0.8)
        errors.append(np.abs(states[0, 0, 0] - profile(0.5)[0]).mean())
    np.testing.assert_allclose(errors, expected, rtol=0.1)
    np.testing.assert_allclose(orders(sizes, errors), 2, atol=0.15)


# Cells a side, and the mean errors of h at times 0.5 and 1 after round dams of radius 0.3 and 0.7 broke.
OF_ROUND_DAMS = """
   32   5.9e-03   9.5e-03   7.8e-03   1.3e-02
   64   2.9e-03   5.2e-03   5.0e-03   6.9e-03
  128   1.5e-03   2.5e-03   2.5e-03   3.4e-03
"""


def test_round_dams_break_as_the_radial_equations_say():
    table = np.loadtxt(OF_ROUND_DAMS.splitlines())
    x = SIDE * ((np.arange(512) + 0.5) / 512 - 0.5)
    distance = np.hypot(x[:, None], x)
    radii, times = (0.3, 0.7), (0.5, 1.0)
    exact = np.array([[radial(radius, time)(distance) for time in times] for radius in radii])
    errors = []
    for n in table[:, 0].astype(int):
        averages = exact.reshape(2, 2, n, 512 // n, n, 512 // n).mean(axis=(3, 5))
        frames, _ = solve(dam(np.array(radii), SIDE, n), SIDE, 0.5, 3, n)
        errors.append(np.abs(frames[:, 1:] - averages).mean(axis=(2, 3)).ravel())
    np.testing.assert_allclose(errors, table[:, 1:], rtol=0.1)
    np.testing.assert_allclose(orders(table[:, 0], errors), 1, atol=0.2)


def test_a_dam_has_the_exact_volume_and_averages():
    radii = np.array([0.3, 0.55, 0.7, 2.4])
    depth = dam(radii, SIDE, 24, inside=3.0, outside=0.5)
    volume = (depth - 0.5).sum(axis=(1, 2)) * (SIDE / 24) ** 2
    np.testing.assert_allclose(volume, 2.5 * np.pi * radii**2, rtol=1e-13)
    blocks = dam(radii, SIDE, 120, 3.0, 0.5).reshape(4, 24, 5, 24, 5).mean(axis=(2, 4))
    np.testing.assert_allclose(depth, blocks, atol=1e-13)
    x = SIDE * ((np.arange(1920) + 0.5) / 1920 - 0.5)
    inside = np.hypot(x[:, None], x) < 0.55
    np.testing.assert_allclose(
        depth[1], 0.5 + 2.5 * inside.reshape(24, 80, 24, 80).mean(axis=(1, 3)), atol=0.02
    )


def test_no_water_is_lost_even_where_waves_leave():
    frames, lost = solve(dam(np.array([0.3, 0.7]), SIDE, 64), SIDE, 0.25, 17, 32)
    assert (lost < 1e-12).all()
    in_the_square = frames.mean(axis=(2, 3))
    np.testing.assert_allclose(in_the_square[:, 4], in_the_square[:, 0], rtol=1e-5)  # until time 1
    assert (in_the_square[:, -1] < in_the_square[:, 4] - 0.01).all()


def test_waves_leave_through_the_sides_as_if_there_were_more_water():
    """A fiftieth of the jump comes back, or less."""
    wide = np.pad(dam(np.array([0.5]), SIDE, 40), ((0, 0), (40, 40), (40, 40)), constant_values=1.0)
    expected, _ = solve(wide, 3 * SIDE, 0.5, 6, 120)
    frames, _ = solve(dam(np.array([0.5]), SIDE, 40), SIDE, 0.5, 6, 40)
    np.testing.assert_allclose(frames, expected[:, :, 40:80, 40:80], atol=0.02)


def test_water_that_flows_evenly_stays_as_it_is():
    depth = np.full((1, 6, 8), 1.3)
    states = np.stack([depth, 0.7 * depth, -2.1 * depth])
    after, out = evolve(states, 0.1, 1.0, 1.0, 0.8)
    np.testing.assert_allclose(after, states, rtol=1e-14)
    np.testing.assert_allclose(out, 0, atol=1e-12)


def test_turned_and_mirrored_water_flows_so():
    initial = random_depth(2, 32)

    def last(initial):
        return solve(initial, SIDE, 0.5, 2, 32)[0][:, -1]

    expected = last(initial)
    np.testing.assert_allclose(last(initial.swapaxes(1, 2)), expected.swapaxes(1, 2), atol=1e-13)
    np.testing.assert_allclose(last(initial[:, ::-1]), expected[:, ::-1], atol=1e-13)
    np.testing.assert_allclose(last(initial[:, :, ::-1]), expected[:, :, ::-1], atol=1e-13)


def test_depths_and_gravity_only_scale_time():
    initial = random_depth(2, 16)
    expected, _ = solve(initial, SIDE, 0.2, 3, 16)
    np.testing.assert_allclose(solve(initial, SIDE, 0.1, 3, 16, gravity=4.0)[0], expected, rtol=1e-13)
    np.testing.assert_allclose(solve(4 * initial, SIDE, 0.1, 3, 16)[0], 4 * expected, rtol=1e-13)
    np.testing.assert_allclose(solve(initial, 2 * SIDE, 0.4, 3, 16)[0], expected, rtol=1e-13)


@pytest.mark.parametrize(("inside", "outside"), [(2.0, 1.0), (1e3, 1e-3), (1e-3, 1.0)])
def test_water_stays_above_the_ground(inside, outside):
    frames, lost = solve(dam(np.array([0.7]), SIDE, 48, inside, outside), SIDE, 0.02, 6, 48)
    assert frames.min() > 0
    assert lost[0] < 1e-12


def test_frames_are_averages_over_blocks_of_cells():
    initial = random_depth(2, 24)
    fine, _ = solve(initial, SIDE, 0.2, 3, 24)
    coarse, _ = solve(initial, SIDE, 0.2, 3, 8)
    np.testing.assert_allclose(coarse, fine.reshape(2, 3, 8, 3, 8, 3).mean(axis=(3, 5)), rtol=1e-14)


def test_an_example_alone_is_the_same_to_the_last_bit():
    initial = (
        random_depth(40, 28) * np.geomspace(0.1, 10, 40)[:, None, None]
    )  # some take more steps than others
    frames, lost = solve(initial, SIDE, 0.3, 3, 14)
    np.testing.assert_array_equal(solve(initial[3:10], SIDE, 0.3, 3, 14)[0], frames[3:10])
    for i in range(40):
        alone, lost_alone = solve(initial[i : i + 1], SIDE, 0.3, 3, 14)
        np.testing.assert_array_equal(alone, frames[i : i + 1])
        np.testing.assert_array_equal(lost_alone, lost[i : i + 1])


def test_what_breaks_down_is_told_example_by_example():
    initial = random_depth(3, 16) * np.array([1, 1e30, np.inf])[:, None, None]
    frames, lost = solve(initial, SIDE, 0.5, 3, 16)
    np.testing.assert_array_equal(np.isinf(lost), [False, True, True])
    np.testing.assert_array_equal(solve(initial[:1], SIDE, 0.5, 3, 16)[0], frames[:1])
    _, lost = solve(initial[:1], SIDE, 2.0, 5, 16, cfl=5.0)  # steps that are not stable
    assert np.isinf(lost[0])


def test_no_examples_have_no_frames():
    frames, lost = solve(np.zeros((0, 8, 8)), SIDE, 0.1, 2, 8)
    assert frames.shape == (0, 2, 8, 8)
    assert lost.shape == (0,)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"side": 0.0}, "side is 0.0; expected a finite number above 0"),
        ({"interval": np.nan}, "interval is nan; expected a finite number above 0"),
        ({"gravity": -1.0}, "gravity is -1.0; expected a finite number above 0"),
        ({"cfl": np.inf}, "cfl is inf; expected a finite number above 0"),
        ({"num_frames": 0}, "num_frames is 0; expected at least 1"),
        ({"num_points": 0}, "num_points is 0; expected at least 1"),
        (
            {"num_points": 3},
            r"initial has the shape \(1, 8, 8\); expected \(count, n, n\) with n a multiple of 3",
        ),
        ({"initial": np.ones((8, 8))}, r"initial has the shape \(8, 8\); expected \(count, n, n\)"),
        ({"initial": np.eye(8)[None]}, "initial is not above 0 everywhere; expected some water in each cell"),
        ({"initial": np.full((1, 8, 8), np.nan)}, "initial is not above 0 everywhere"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, message):
    right = {"initial": np.ones((1, 8, 8)), "side": SIDE, "interval": 0.1, "num_frames": 2, "num_points": 8}
    with pytest.raises(ValueError, match=message):
        solve(**(right | wrong))
