"""FitzHugh-Nagumo against exact solutions and finite differences, and what its solutions must have in common."""

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.stats

from pdetransfer.data.diffusion_reaction import (
    DIFFUSIVITIES,
    OFFSET,
    SMOOTH,
    evolve,
    smooth_states,
    solve,
    to_fields,
    to_waves,
    white_states,
)
from pdetransfer.data.streams import Stream


def uniforms(count, per_example):
    return Stream(0, "diffusion_reaction", "train").uniforms(0, count, per_example)


def draw(count, num_points):
    return smooth_states(uniforms(count, 2 * SMOOTH.num_uniforms), num_points)


def cosine(j, n):
    """cos πjx at the centres of n cells."""
    return np.cos(np.pi * j * (np.arange(n) + 0.5) / n)


def wave(j_y, j_x, n):
    return np.outer(cosine(j_y, n), cosine(j_x, n))


def squared_wavenumber(j_y, j_x):
    return (np.pi / 2) ** 2 * (j_y**2 + j_x**2)


def relative(states, reference):
    """The error in the norm that ``solve`` uses, of states or frames, ``(..., 2, N, N)``."""
    norm = np.sqrt(((states - reference) ** 2).sum(axis=(-3, -2, -1)))
    return norm / np.sqrt((reference**2).sum(axis=(-3, -2, -1)))


def at_32_points(initial, num_points, time, num_steps):
    """``evolve`` from fields to fields, with waves of the initial states up to ``SMOOTH.num_modes``."""
    waves = np.zeros((len(initial), 2, num_points, num_points))
    kept = SMOOTH.num_modes + 1
    waves[..., :kept, :kept] = to_waves(initial)[..., :kept, :kept]
    return to_fields(evolve(waves, DIFFUSIVITIES, OFFSET, time, num_steps), 32)


def by_finite_differences(initial, time):
    """u and v at a time, ``(2, n, n)``, by five points and a Runge-Kutta method of SciPy."""
    n = initial.shape[-1]

    def change(_, flat):
        u, v = states = flat.reshape(2, n, n)
        padded = np.pad(states, ((0, 0), (1, 1), (1, 1)), mode="edge")
        laplacian = padded[:, 2:, 1:-1] + padded[:, :-2, 1:-1] + padded[:, 1:-1, 2:] + padded[:, 1:-1, :-2]
        laplacian = (laplacian - 4 * states) * (n / 2) ** 2
        return np.ravel([1e-3 * laplacian[0] + u - u**3 - 5e-3 - v, 5e-3 * laplacian[1] + u - v])

    solved = scipy.integrate.solve_ivp(change, (0, time), initial.ravel(), rtol=1e-6, atol=1e-8)
    return solved.y[:, -1].reshape(2, n, n)


@pytest.mark.parametrize("num_points", [16, 33])
def test_coefficients_are_those_of_orthonormal_cosines(num_points):
    j = np.arange(num_points)
    functions = np.where(j == 0, 1, np.sqrt(2))[:, None] * [cosine(k, num_points) for k in j]
    fields = uniforms(3, num_points**2).reshape(3, num_points, num_points)
    waves = to_waves(fields)
    np.testing.assert_allclose(functions.T @ waves @ functions, fields, atol=1e-13)
    np.testing.assert_allclose(to_fields(waves, num_points), fields, atol=1e-13)


def test_without_a_reaction_waves_decay_and_the_mean_stays():
    """Diffusion a billion times as fast, for as much less time, which is none to the reaction."""
    u, v = 0.5 + wave(3, 1, 16), -0.2 + wave(0, 2, 16)
    frames, _ = solve(np.stack([u, v])[None], (1e6, 5e6), OFFSET, 5e-9, 5, 16)
    times = 5e-9 * np.arange(5)[:, None, None]
    decayed = (
        0.5 + np.exp(-1e6 * squared_wavenumber(3, 1) * times) * wave(3, 1, 16),
        -0.2 + np.exp(-5e6 * squared_wavenumber(0, 2) * times) * wave(0, 2, 16),
    )
    np.testing.assert_allclose(frames[0], np.stack(decayed, axis=1), atol=1e-7)


@pytest.mark.parametrize("j", [(0, 0), (3, 1), (7, 0)])
def test_small_waves_grow_and_decay_as_those_of_the_linear_equation(j):
    """Without an offset, and with u³ below rounding: two equations for each wave."""
    u, v = 1e-7, -2e-7
    initial = np.stack([u * wave(*j, 16), v * wave(*j, 16)])[None]
    frames, _ = solve(initial, DIFFUSIVITIES, 0.0, 0.5, 5, 16, reaction_per_step=0.1)
    squared = squared_wavenumber(*j)
    matrix = np.array([[1 - 1e-3 * squared, -1], [1, -1 - 5e-3 * squared]])
    expected = [scipy.linalg.expm(0.5 * frame * matrix) @ [u, v] for frame in range(5)]
    expected = np.array(expected)[..., None, None] * wave(*j, 16)
    np.testing.assert_allclose(frames[0], expected, atol=1e-7 * u)


def test_constant_states_follow_the_ordinary_equation():
    start = [1.7, -0.4]
    initial = np.broadcast_to(np.reshape(start, (1, 2, 1, 1)), (1, 2, 8, 8))
    frames, error = solve(initial, DIFFUSIVITIES, OFFSET, 0.5, 11, 8, reaction_per_step=0.25)

    def change(_, state):
        u, v = state
        return [u - u**3 - OFFSET - v, u - v]

    times = 0.5 * np.arange(11)
    exact = scipy.integrate.solve_ivp(change, (0, 5), start, "DOP853", times, rtol=1e-12, atol=1e-13)
    expected = np.broadcast_to(exact.y.T[..., None, None], (11, 2, 8, 8))
    np.testing.assert_allclose(frames[0], expected, atol=1e-5)
    assert relative(frames[0], expected).max() < 2 * error[0] < 1e-4


# Points, and the difference of finite differences from ``solve`` at time 1.
OF_DIFFERENCES = """
   34   1.2e-02
   68   2.7e-03
  136   6.7e-04
"""


def test_finite_differences_converge_to_the_solution_at_second_order():
    sizes, expected = np.loadtxt(OF_DIFFERENCES.splitlines()).T
    differences = []
    for n in sizes.astype(int):
        initial = draw(1, n)
        frames, _ = solve(initial, DIFFUSIVITIES, OFFSET, 1.0, 2, n, 96)
        differences.append(relative(by_finite_differences(initial[0], 1.0), frames[0, 1]))
    np.testing.assert_allclose(differences, expected, rtol=0.1)
    np.testing.assert_allclose(np.log2(np.divide(differences[:-1], differences[1:])), 2, atol=0.2)


# Steps, and the largest error of 2 smooth states at time 1 on 48 points, against 512 steps.
IN_TIME = """
   16   8.2e-05
   32   2.4e-06
   64   1.1e-07
  128   6.4e-09
  256   3.8e-10
"""


def test_errors_fall_at_fourth_order_in_time():
    initial = draw(2, 48)
    reference = at_32_points(initial, 48, 1.0, 512)
    steps, expected = np.loadtxt(IN_TIME.splitlines()).T
    errors = [relative(at_32_points(initial, 48, 1.0, int(n)), reference).max() for n in steps]
    np.testing.assert_allclose(errors, expected, rtol=0.1)
    np.testing.assert_allclose(np.log2(np.divide(errors[-3:-1], errors[-2:])), 4, atol=0.2)


# Points, and the largest error of 2 smooth states at time 1 with 32 steps, against 128 points.
IN_SPACE = """
   32   5.4e-03
   48   1.5e-04
   64   4.8e-06
   80   1.4e-07
"""


def test_errors_fall_in_space_faster_than_any_power():
    initial = draw(2, 48)
    reference = at_32_points(initial, 128, 1.0, 32)
    points, expected = np.loadtxt(IN_SPACE.splitlines()).T
    errors = [relative(at_32_points(initial, int(n), 1.0, 32), reference).max() for n in points]
    np.testing.assert_allclose(errors, expected, rtol=0.1)


@pytest.mark.parametrize(("solver_points", "reaction_per_step", "fair"), [(48, 0.5, 10), (96, 1.0, 4)])
def test_the_estimate_is_an_upper_bound(solver_points, reaction_per_step, fair):
    """Of errors in space in the first case, of those in time in the second."""
    initial = draw(4, 48)
    exact, _ = solve(initial, DIFFUSIVITIES, OFFSET, 0.25, 9, 32, 96, reaction_per_step=0.25)
    frames, error = solve(initial, DIFFUSIVITIES, OFFSET, 0.25, 9, 32, solver_points, reaction_per_step)
    true = relative(frames, exact).max(axis=1)
    assert (true < error).all()
    assert (error < fair * true).all()


def test_turned_and_mirrored_states_have_such_solutions_and_negative_ones_with_a_negative_offset():
    initial = draw(2, 32)

    def last(initial, offset=OFFSET):
        return solve(initial, DIFFUSIVITIES, offset, 0.5, 2, 32)[0][:, -1]

    expected = last(initial)
    np.testing.assert_allclose(last(initial.swapaxes(2, 3)), expected.swapaxes(2, 3), atol=1e-13)
    np.testing.assert_allclose(last(initial[:, :, ::-1]), expected[:, :, ::-1], atol=1e-13)
    np.testing.assert_allclose(last(-initial, -OFFSET), -expected, atol=1e-13)


def test_the_solution_does_not_depend_on_the_grids_of_what_is_given_and_wanted():
    frames, error = solve(draw(2, 64), DIFFUSIVITIES, OFFSET, 0.5, 3, 64)
    coarse, same = solve(draw(2, 45), DIFFUSIVITIES, OFFSET, 0.5, 3, 20, 64)
    np.testing.assert_allclose(coarse, to_fields(to_waves(frames), 20), atol=1e-12)
    np.testing.assert_allclose(same, error, rtol=1e-6)


def test_what_the_solver_has_no_cosines_for_is_an_error():
    low, high = wave(3, 1, 32), wave(20, 0, 32) / np.sqrt(2)
    states = np.stack([[4 * low, low], [4 * low, 3 * high], [high, high]])
    frames, error = solve(states, DIFFUSIVITIES, OFFSET, 1.0, 1, 32, 16)
    np.testing.assert_allclose(error, [0, 0.6, 1], atol=1e-14)
    np.testing.assert_allclose(frames[1, 0], [4 * low, 0 * low], atol=1e-13)


def test_what_is_in_the_outermost_cosines_is_an_error():
    state = np.stack([4 * wave(1, 1, 16), 3 * wave(2, 15, 16)])
    _, error = solve(state[None], DIFFUSIVITIES, OFFSET, 1e-6, 2, 16)
    np.testing.assert_allclose(error, 0.6, rtol=1e-4)


@pytest.mark.parametrize("num_points", [33, 48])
def test_an_example_alone_is_the_same_to_the_last_bit(num_points):
    # Of noise of several sizes, some take more steps than others.
    initial = white_states(uniforms(35, 2 * num_points**2), num_points)
    initial *= np.geomspace(0.1, 5, 35)[:, None, None, None]

    def solved(initial):
        return solve(initial, DIFFUSIVITIES, OFFSET, 0.1, 3, 20, num_points)

    frames, error = solved(initial)
    np.testing.assert_array_equal(solved(initial[3:10])[0], frames[3:10])
    for i in range(35):
        alone, error_alone = solved(initial[i : i + 1])
        np.testing.assert_array_equal(alone, frames[i : i + 1])
        np.testing.assert_array_equal(error_alone, error[i : i + 1])


def test_what_blows_up_is_told_example_by_example():
    initial = draw(1, 32)
    states = np.concatenate([initial, 1e200 * initial, np.nan * initial, 0 * initial])
    frames, error = solve(states, DIFFUSIVITIES, OFFSET, 0.25, 3, 32)
    np.testing.assert_array_equal(np.isinf(error), [False, True, True, False])
    np.testing.assert_array_equal(solve(initial, DIFFUSIVITIES, OFFSET, 0.25, 3, 32)[0], frames[:1])


def test_no_examples_have_no_frames():
    frames, error = solve(np.zeros((0, 2, 8, 8)), DIFFUSIVITIES, OFFSET, 0.1, 2, 8)
    assert frames.shape == (0, 2, 2, 8, 8)
    assert error.shape == (0,)


def test_smooth_states_are_the_same_functions_on_every_grid():
    np.testing.assert_allclose(to_fields(to_waves(draw(3, 48)), 20), draw(3, 20), atol=1e-13)


def test_smooth_states_are_independent_and_have_a_standard_deviation_of_one():
    """Within 5 standard deviations of estimates."""
    u, v = draw(400, 17).swapaxes(0, 1)
    deviation = np.sqrt((SMOOTH.variances**2).sum() / 400) / SMOOTH.variances.sum()
    np.testing.assert_allclose([(u**2).mean(), (v**2).mean()], 1, atol=5 * np.sqrt(2) * deviation)
    assert abs((u * v).mean()) < 5 * deviation


def test_smooth_states_are_those_of_the_law():
    given = uniforms(2, 2 * SMOOTH.num_uniforms)
    on_nodes = SMOOTH.fields(given.reshape(4, -1), 33) / np.sqrt(SMOOTH.variances.sum())
    at_centres = smooth_states(given, 33 - 1)  # of the cells between the nodes
    series = to_waves(at_centres).reshape(4, 32, 32)
    j, nodes = np.arange(32), np.linspace(0, 1, 33)
    functions = np.where(j == 0, 1, np.sqrt(2))[:, None] * np.cos(np.pi * np.outer(j, nodes))
    np.testing.assert_allclose(functions.T @ series @ functions, on_nodes, atol=1e-12)


def test_white_states_are_normal_in_each_cell():
    states = white_states(uniforms(4, 2 * 32**2), 32)
    assert states.shape == (4, 2, 32, 32)
    assert scipy.stats.kstest(states.ravel(), "norm").pvalue > 0.01
    np.testing.assert_array_equal(white_states(uniforms(4, 2 * 32**2)[2:3], 32), states[2:3])


def test_a_grid_that_cannot_tell_the_modes_apart_is_refused():
    draw(1, SMOOTH.num_modes + 1)
    with pytest.raises(ValueError, match="num_points is 16; expected at least 17"):
        draw(1, SMOOTH.num_modes)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"diffusivities": (0.0, 1.0)}, "D_u is 0.0; expected a finite number above 0"),
        ({"diffusivities": (1.0, np.nan)}, "D_v is nan; expected a finite number above 0"),
        ({"offset": np.inf}, "offset is inf; expected a finite number"),
        ({"interval": -1.0}, "interval is -1.0; expected a finite number above 0"),
        ({"reaction_per_step": 0.0}, "reaction_per_step is 0.0; expected a finite number above 0"),
        ({"num_frames": 0}, "num_frames is 0; expected at least 1"),
        ({"num_points": 1}, "num_points is 1; expected at least 2"),
        ({"solver_points": 1}, "solver_points is 1; expected at least 2"),
        (
            {"initial": np.ones((1, 3, 8, 8))},
            r"initial has the shape \(1, 3, 8, 8\); expected \(count, 2, n, n\)",
        ),
        ({"initial": np.float64(1)}, r"initial has the shape \(\); expected \(count, 2, n, n\)"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, message):
    right = {"initial": np.ones((1, 2, 8, 8)), "diffusivities": DIFFUSIVITIES, "offset": OFFSET}
    right |= {"interval": 0.1, "num_frames": 2, "num_points": 8}
    with pytest.raises(ValueError, match=message):
        solve(**(right | wrong))
