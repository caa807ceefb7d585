"""Predictions beside the truth, and the pictures of data."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from cases import OPTIONS, SIZES, SPECTRAL, architecture_of, as_examples, as_windows
from pdetransfer.data.cards import spectrum
from pdetransfer.models.checkpoints import save_models
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.plan import answers
from pdetransfer.plan.entries import Figure
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import (
    GALLERIES,
    GALLERY_EXAMPLES,
    draw_gallery,
    draw_predictions,
    draw_roll_outs,
    draw_spectra,
    show,
)
from pdetransfer.report.predictions import Prediction, Spectra, error_spectra, example_at, predict
from pdetransfer.training.evaluation import rolled_out
from pictures import DIVERGING, assert_zero_is_white, images

ARCHITECTURE = {"kind": "fno", **SIZES["fno"]}
ENTRY = Figure(kind="k", experiments=["e"], title="A title", n_train=64)


def errors_of(**by_init):
    """Errors by example of each init, of seed 3; seed 4 has them in reverse."""
    return pd.DataFrame(
        [
            (init, seed, example, error)
            for init, errors in by_init.items()
            for seed, ordered in ((3, errors), (4, errors[::-1]))
            for example, error in enumerate(ordered)
        ],
        columns=["init", "seed", "example", "error"],
    )


def test_the_median_example_is_that_of_the_first_fine_tuned_model():
    scratch, tuned, other = [0.1, 0.2, 0.3, 0.4, 0.5], [0.3, 0.9, 0.1, 0.5, 0.4], [0.5, 0.4, 0.2, 0.3, 0.1]
    assert example_at(errors_of(scratch=scratch, poisson=tuned, mixed=other), "median") == 4
    assert example_at(errors_of(mixed=other, scratch=scratch, poisson=tuned), "median") == 3
    assert example_at(errors_of(scratch=scratch), "median") == 2
    assert example_at(errors_of(scratch=scratch, poisson=tuned), "worst") == 1


def test_the_median_example_does_not_depend_on_the_order_of_examples():
    errors = errors_of(scratch=[0.5] * 5, poisson=[0.3, 0.9, 0.1, 0.5, 0.4])
    turned = errors[errors["seed"] == 3].iloc[::-1]
    assert example_at(turned, "median") == example_at(errors, "median") == 4


def test_predictions_are_those_of_each_cells_first_seed_on_the_median_example(small_split, tmp_path):
    examples = as_examples(small_split(split="test"), 5)
    operators, weights = {}, {}
    for init, seed in (("scratch", 7), ("poisson", 8)):
        first, second = (
            NeuralOperator(ARCHITECTURE, Channels.of(examples, ARCHITECTURE), examples.references(), s)
            for s in (seed, seed + 10)
        )
        weights[init] = tmp_path / f"{init}.safetensors"
        states = [first.model.state_dict(), second.model.state_dict()]
        references = [first.references, second.references]
        save_models(weights[init], ARCHITECTURE, first.channels, [3, 4], references, states)
        operators[init] = first
    errors = errors_of(scratch=[0.1, 0.2, 0.3, 0.4, 0.5], poisson=[0.2, 0.3, 0.4, 0.1, 0.5])
    predicted = predict("far", examples, weights, errors, "median")
    assert predicted.dataset == "far"
    np.testing.assert_array_equal(predicted.source, examples.fields[1, 0])
    np.testing.assert_array_equal(predicted.solution, examples.outputs[1, 0])
    assert list(predicted.predictions) == ["scratch", "poisson"]
    for init, operator in operators.items():
        inputs = operator.inputs(examples[1:2], torch.device("cpu"))
        outputs = operator.apply(inputs).numpy()[0, 0]
        np.testing.assert_array_equal(predicted.predictions[init], outputs)
        truth = examples.outputs[1, 0]
        expected = ((outputs - truth) ** 2).sum() ** 0.5 / (truth**2).sum() ** 0.5
        assert predicted.errors[init] == pytest.approx(expected, rel=1e-5)


def texts_of(draw, tmp_path):
    """All texts of a figure that is drawn and saved in the house style, twice with the same bytes."""
    figures = []

    def drawn():
        figures.append(draw())
        return figures[-1]

    for folder in ("first", "again"):
        save(drawn, [tmp_path / folder / name for name in ("figure.svg", "figure.png")])
    for name in ("figure.svg", "figure.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    return [text.get_text() for text in figures[0].findobj(plt.Text) if text.get_text()]


def test_predictions_are_drawn_with_the_error_of_each_init(tmp_path):
    """A row for each dataset, whose inits may differ; one init stands in one column."""
    wave = np.sin(2 * np.pi * np.arange(8) / 8) * np.ones((8, 1))
    rows = [
        Prediction(
            dataset,
            "worst",
            ("source", "solution"),
            wave,
            2 * wave,
            {init: 2 * wave + error for init, error in errors.items()},
            errors,
        )
        for dataset, errors in (
            ("far", {"scratch": 0.5, "poisson": 0.025, "mixed_equal_steps": 0.03}),
            ("near", {"scratch": 0.4, "advection_diffusion": 0.06}),
        )
    ]
    texts = texts_of(lambda: draw_predictions(rows, ENTRY), tmp_path)
    assert {"A title, n = 64", "far", "near", "worst: source", "solution"} <= set(texts)
    for words in ("error 0.5", "error 0.025", "error 0.03", "error 0.4", "error 0.06"):
        assert texts.count(words) == 1
    assert texts.count("from scratch") == 2
    assert {"from poisson", "from mixed-equal-steps", "from adv-diff"} <= set(texts)


def test_source_solution_and_errors_of_a_row_have_a_scale_that_says_their_size():
    """All errors of a row share one, up to the largest of them, and all solutions that of the true one."""
    wave = np.sin(2 * np.pi * np.arange(8) / 8) * np.ones((8, 1))
    predictions = {"scratch": 2 * wave + 0.5, "poisson": 2 * wave - 0.25}
    errors = dict.fromkeys(predictions, 0.1)
    rows = [
        Prediction(
            "far",
            rank,
            ("source", "solution"),
            size * wave,
            size * 2 * wave,
            {k: size * v for k, v in predictions.items()},
            errors,
        )
        for rank, size in (("median", 1.0), ("worst", 100.0))
    ]
    figure = draw_predictions(rows, ENTRY)
    drawn = images(figure)
    for of_row, size in zip((drawn[:6], drawn[6:]), (1.0, 100.0), strict=True):
        source, solution, scratch, error, poisson, other = of_row
        fields = wave, 2 * wave, 2 * wave + 0.5, np.full((8, 8), 0.5), 2 * wave - 0.25, np.full((8, 8), 0.25)
        for image, field in zip(of_row, fields, strict=True):
            np.testing.assert_allclose(image.get_array(), size * field)
        assert [image.colorbar is not None for image in of_row] == [True, True, False, True, False, False]
        bars = [(image.colorbar.vmin, image.colorbar.vmax) for image in (source, solution, error)]
        np.testing.assert_allclose(bars, size * np.array([(-1, 1), (-2, 2), (0, 0.5)]))
        for image, like in ((scratch, solution), (poisson, solution), (other, error)):
            assert (image.norm.vmin, image.norm.vmax) == (like.norm.vmin, like.norm.vmax)
        assert any(text.get_text() for text in error.colorbar.ax.get_yticklabels())
    plt.close(figure)


@pytest.mark.parametrize("num_dims", [2, 3])
@pytest.mark.parametrize(
    ("offset", "is_source", "limits"),
    [(0.0, False, (-2.0, 2.0)), (-3.0, False, (-5.0, 5.0)), (6.0, False, None), (0.0, True, None)],
)
def test_a_solution_is_white_at_zero_unless_it_is_positive(num_dims, offset, is_source, limits):
    """Its largest value on either side has the darkest colour; sources and positive fields take all colours. Of a
    block in time the last frame is shown, on the scale of all."""
    frame = np.linspace(-1, 1, 12).reshape(3, 4) + offset
    field = frame if num_dims == 2 else np.stack([2 * frame - offset, frame])
    if num_dims == 2:
        field[0, 0] = offset - 2
    figure, axes = plt.subplots()
    image = show(axes, field, is_source)
    np.testing.assert_array_equal(image.get_array(), field if num_dims == 2 else frame)
    shown = field if num_dims == 2 else frame
    assert (image.norm.vmin, image.norm.vmax) == (limits or (shown.min(), shown.max()))
    assert (image.cmap.name == DIVERGING) == bool(limits)
    assert image.origin == "lower"
    plt.close(figure)


def without_a_scale(figure):
    """The images of a figure that have no bar, nor share limits and colours with one of the same band that has."""
    found = []
    for band in figure.subfigs or [figure]:
        images = [image for axes in band.findobj(Axes) for image in axes.images]
        scaled = {(*image.get_clim(), image.get_cmap().name) for image in images if image.colorbar}
        found += [image for image in images if (*image.get_clim(), image.get_cmap().name) not in scaled]
    return found


def drawn_of(kind):
    """A gallery of the maps of two datasets, of two frames where they are roll-outs."""
    random = np.random.default_rng(0)
    if kind == "spectra":
        return draw_spectra([Spectra("far", np.ones(9), {"scratch": np.ones(9)})], ENTRY)
    truth = random.normal(size=(2, 8, 8) if kind == "roll_outs" else (8, 8))
    predictions = {"scratch": 2 * truth, "poisson": truth + 0.1}
    shown, errors = ("vorticity",) * 2, dict.fromkeys(predictions, 1.0)
    rows = [
        Prediction(name, "worst", shown, truth, truth, predictions, errors, ("", "1 / time"))
        for name in ("far", "near")
    ]
    return GALLERIES[kind](rows, ENTRY)


@pytest.mark.parametrize("kind", GALLERIES)
def test_every_map_of_every_kind_has_a_scale_with_numbers_and_the_unit(kind):
    figure = drawn_of(kind)
    assert without_a_scale(figure) == []
    bars = [image.colorbar for image in figure.findobj(AxesImage) if image.colorbar]
    assert bool(bars) == (kind != "spectra")
    assert all(len(bar.get_ticks()) > 1 for bar in bars)
    assert not bars or "1 / time" in {bar.ax.get_ylabel() for bar in bars}
    plt.close(figure)


@pytest.mark.parametrize("system", OPTIONS)
def test_every_map_of_a_systems_gallery_has_a_scale_and_every_line_numbers(system, small_split):
    figure = draw_gallery({"own": as_examples(small_split(system), 2)})
    assert without_a_scale(figure) == []
    for axes in figure.axes:
        assert axes.images or not axes.axison or len(axes.get_yticks()) > 1
    plt.close(figure)


def test_fields_of_one_dimension_are_drawn_as_lines_on_the_scale_of_the_solution():
    wave = np.sin(2 * np.pi * np.arange(16) / 16)
    shown = ("initial_state", "solution")
    row = Prediction("far", "worst", shown, 3 * wave, wave, {"scratch": 4 * wave}, {"scratch": 3.0})
    figure = draw_predictions([row], ENTRY)
    initial, solution, prediction, error = figure.axes
    for axes, expected in (
        (initial, 3 * wave),
        (solution, wave),
        (prediction, 4 * wave),
        (error, 3 * abs(wave)),
    ):
        np.testing.assert_allclose(axes.lines[0].get_ydata(), expected)
    assert prediction.get_ylim() == solution.get_ylim()
    assert initial.get_title() == "worst: initial state"
    plt.close(figure)


def test_of_fields_in_time_the_last_frame_and_its_error_are_drawn():
    truth = np.random.default_rng(0).normal(size=(5, 8, 6))
    shown = ("vorticity", "vorticity")
    row = Prediction("far", "worst", shown, truth[0], truth, {"scratch": 2 * truth}, {"scratch": 1.0})
    figure = draw_predictions([row], ENTRY)
    _, solution, prediction, error = (axes.images[0].get_array() for axes in figure.axes if axes.images)
    np.testing.assert_allclose(solution, truth[-1])
    np.testing.assert_allclose(prediction, 2 * truth[-1])
    np.testing.assert_allclose(error, abs(truth[-1]))
    plt.close(figure)


def test_spectra_of_errors_sum_to_the_mean_squared_error_at_low_wavenumbers(small_split, tmp_path):
    """All energy of a spectrum is the mean square of the field, but for the corners beyond N // 2, which smooth
    fields leave empty."""
    examples = as_examples(small_split(split="test"), 5)
    operator = NeuralOperator(ARCHITECTURE, Channels.of(examples, ARCHITECTURE), examples.references(), 7)
    file = tmp_path / "weights.safetensors"
    save_models(
        file, ARCHITECTURE, operator.channels, [0], [operator.references], [operator.model.state_dict()]
    )
    spectra = error_spectra("far", examples, {"scratch": file})
    assert spectra.solution.sum() == pytest.approx((examples.outputs**2).mean(), rel=1e-3)
    outputs = operator.apply(operator.inputs(examples, torch.device("cpu"))).numpy()
    assert spectra.errors["scratch"].sum() == pytest.approx(
        ((outputs - examples.outputs) ** 2).mean(), rel=1e-2
    )


def test_spectra_have_a_line_for_the_solution_and_for_each_init():
    energy = np.arange(9.0, 0.0, -1.0)
    rows = [
        Spectra("far", energy, {"scratch": energy / 2, "poisson": energy / 4}),
        Spectra("near", energy, {"scratch": energy / 3}),
    ]
    figure = draw_spectra(rows, ENTRY)
    assert [axes.get_title() for axes in figure.axes] == ["far", "near"]
    assert [line.get_label() for line in figure.axes[0].lines] == [
        "solution",
        "error from scratch",
        "error from poisson",
    ]
    np.testing.assert_array_equal(figure.axes[0].lines[2].get_ydata(), energy[1:] / 4)
    plt.close(figure)


@pytest.fixture
def roll_out(small_split, tmp_path):
    """Trajectories of two channels, as blocks, an operator that takes two frames of them, and its file."""
    split = dataclasses.replace(
        small_split("diffusion_reaction", split="test"),
        options=OPTIONS["diffusion_reaction"] | {"num_frames": 9, "time": 0.5},
    )
    windows, blocks = as_windows(split, 3), as_examples(split, 3)
    architecture = architecture_of("dpot") | {"channels": ["vorticity", "inhibitor", "activator"]}
    operator = NeuralOperator(architecture, Channels.of(windows, architecture), windows.references(), 7)
    file = tmp_path / "weights.safetensors"
    state = operator.model.state_dict()
    save_models(file, architecture, operator.channels, [0], [operator.references], [state])
    return windows, blocks, operator, file


def test_of_a_roll_out_the_first_channel_is_shown_after_the_inputs_in_the_units_of_the_data(roll_out):
    windows, blocks, operator, file = roll_out
    errors = errors_of(scratch=[0.1, 0.2, 0.3])
    found = predict("far", blocks, {"scratch": file}, errors, "median")
    frames = windows.planes.reshape(3, 9, 2, 16, 16)[1]
    np.testing.assert_array_equal(found.solution, frames[2:, 0])
    assert found.shown == ("initial_activator", "activator")
    predicted = rolled_out(operator, windows[1:2])[0, :, 0]
    np.testing.assert_allclose(found.predictions["scratch"], predicted, rtol=1e-5, atol=1e-6)
    expected = np.linalg.norm(predicted - frames[2:, 0]) / np.linalg.norm(frames[2:, 0])
    assert found.errors["scratch"] == pytest.approx(expected, rel=1e-5)


def test_spectra_of_roll_outs_are_means_over_their_frames(roll_out):
    windows, blocks, operator, file = roll_out
    spectra = error_spectra("far", blocks, {"scratch": file})
    truth = windows.planes.reshape(3, 9, 2, 16, 16)[:, 2:, 0]
    error = rolled_out(operator, windows)[:, :, 0] - truth
    for found, fields in ((spectra.solution, truth), (spectra.errors["scratch"], error)):
        each = [spectrum(fields[:, [time]], "diffusion_reaction") for time in range(7)]
        np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-5)


@pytest.mark.parametrize("num_frames", [2, 5, 20])
@pytest.mark.parametrize("offset", [0.0, -1.0, 3.0])
def test_a_roll_out_has_the_truth_above_predictions_on_one_scale(num_frames, offset):
    """Symmetric about zero where the truth has both signs; frames are apart from the first to the last."""
    random = np.random.default_rng(0)
    truth = random.uniform(-1, 2, (num_frames, 8, 6)) + offset
    predictions = {"scratch": truth + 5, "mixture_clean": 0.5 * truth}
    row = Prediction(
        "far", "median", ("initial_w", "w"), truth[0], truth, predictions, dict.fromkeys(predictions, 0.0)
    )
    figure = draw_roll_outs([row, row], ENTRY)
    panels = np.array([axes for axes in figure.axes if axes.get_subplotspec() is not None]).reshape(6, 5)
    times = np.unique(np.linspace(0, num_frames - 1, 5).astype(int))
    assert times[-1] == num_frames - 1
    limits = (-np.abs(truth).max(), np.abs(truth).max()) if offset <= 0 else (truth.min(), truth.max())
    for lines in (panels[:3], panels[3:]):
        for line, frames in zip(lines, (truth, *predictions.values()), strict=True):
            for panel, time in zip(line, times, strict=False):
                (image,) = panel.images
                np.testing.assert_allclose(image.get_array(), frames[time])
                assert (image.norm.vmin, image.norm.vmax) == pytest.approx(limits)
                if frames is truth:
                    assert panel.get_title() == f"frame {time + 1}"
                else:
                    error = np.linalg.norm(frames[time] - truth[time]) / np.linalg.norm(truth[time])
                    assert panel.get_title() == f"error {error:.2g}"
            assert not any(panel.axison for panel in line[len(times) :])
        scales = [panel for panel in lines.ravel() if panel.images and panel.images[0].colorbar is not None]
        assert scales == [lines[-1, len(times) - 1]]
        assert [line[0].get_ylabel() for line in lines] == ["w", "from scratch", "from mixture-clean"]
    plt.close(figure)


def test_each_kind_of_gallery_is_drawn():
    assert set(GALLERIES) == set(answers.GALLERIES)


def test_a_gallery_has_a_row_for_each_dataset(small_split, tmp_path):
    examples = {
        f"{system}_x{index}": as_examples(small_split(system), GALLERY_EXAMPLES)
        for index, system in enumerate(SPECTRAL)
    }
    texts = texts_of(lambda: draw_gallery(examples), tmp_path)
    assert [text for text in texts if "_x" in text] == [*examples]
    assert texts.count("source") == texts.count("solution") == len(examples) * GALLERY_EXAMPLES
    figure = draw_gallery(examples)
    assert_zero_is_white(figure)
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles == ["source", "solution"] * GALLERY_EXAMPLES * len(examples)  # each above its field
    shown = [image.get_array() for image in images(figure)]
    for row, first in enumerate(examples.values()):
        for index in range(GALLERY_EXAMPLES):
            at = 2 * (row * GALLERY_EXAMPLES + index)
            np.testing.assert_array_equal(shown[at], first.fields[index, 0])
            np.testing.assert_array_equal(shown[at + 1], first.outputs[index, 0])
    plt.close(figure)


def test_a_gallery_of_few_examples_is_drawn(small_split):
    """A user's file may hold fewer than there are columns."""
    figure = draw_gallery({"own": as_examples(small_split(), 2)})
    fields, others = (figure.axes[: 2 * GALLERY_EXAMPLES][part] for part in (slice(4), slice(4, None)))
    assert [axes.get_title() for axes in fields] == ["source", "solution"] * 2
    assert all(axes.images and axes.axison for axes in fields)
    assert not any(axes.images or axes.axison or axes.get_title() for axes in others)
    plt.close(figure)
