"""Figs. 1 and 2."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cases import SPECTRAL
from pdetransfer.data.systems.poisson import diffusion_tensor
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import save
from pdetransfer.studies.transfer.pictures import PICTURES
from pictures import assert_zero_is_white

STUDY = Study(
    grid={"num_points": 16}, source={"num_centres": 4, "sigma": 1 / 8, "sparsity_range": [0.2, 0.8]}
)


def texts(figure):
    return {text.get_text() for text in figure.findobj(plt.Text)}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_each_system_and_repeats_itself(name, tmp_path):
    drawn = []

    def draw():
        drawn.append(PICTURES[name](STUDY))
        return drawn[-1]

    files = [tmp_path / part for part in ("first.svg", "again.svg")]
    for file in files:
        save(draw, [file])
    assert files[0].read_bytes() == files[1].read_bytes()
    shown = texts(drawn[0]) | {axes.get_ylabel() for axes in drawn[0].axes}
    assert_zero_is_white(drawn[0])
    assert {SYSTEMS[system].title for system in SPECTRAL} <= shown


@pytest.mark.parametrize("name", PICTURES)
def test_every_map_of_a_picture_has_a_scale_of_its_own_or_shares_one(name):
    figure = PICTURES[name](STUDY)
    images = [image for axes in figure.axes for image in axes.images]
    scaled = {image.get_clim() for image in images if image.colorbar}
    assert images
    assert {image.get_clim() for image in images} == scaled
    assert all(image.colorbar.ax in image.axes.child_axes for image in images if image.colorbar)
    plt.close(figure)


def test_the_stages_name_what_is_compared():
    figure = PICTURES["stages"](STUDY)
    named = {"pre-training", "fine-tuned", "from scratch", "test error"}
    assert named <= texts(figure)
    canvas = figure.axes[0]
    boxes = [patch.get_bbox() for patch in canvas.patches if isinstance(patch, plt.Rectangle)]
    assert len(boxes) == len(named)
    width, height = canvas.get_xlim()[1], canvas.get_ylim()[1]
    assert all(0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height for box in boxes)
    assert all(
        any(box.contains(*t.get_position()) for box in boxes) for t in canvas.texts if t.get_text() in named
    )
    plt.close(figure)


def test_sources_become_sparser_and_solutions_are_of_the_grid():
    figure = PICTURES["systems"](STUDY)
    assert len(figure.axes) == 15
    fields = np.array([axes.images[0].get_array() for axes in figure.axes]).reshape(3, 5, 16, 16)
    sums = fields[:, 0].sum(axis=(1, 2))
    assert (np.diff(sums) < 0).all()
    titles = np.array([axes.get_title() for axes in figure.axes]).reshape(3, 5)
    assert titles[:, 0].tolist() == ["sparsity 0.2", "sparsity 0.5", "sparsity 0.8"]
    assert titles[0, 1:].tolist() == ["$e = 1$", "$e = 5$", "$e = 10$", "$e = 20$"]
    assert all(titles[:, 1:].ravel())
    plt.close(figure)


def test_solutions_of_the_systems_are_those_of_the_middle_source():
    """Poisson's: -div(K grad u) of each, by an FFT, is that source less its mean."""
    figure = PICTURES["systems"](STUDY)
    fields = np.array([axes.images[0].get_array() for axes in figure.axes]).reshape(3, 5, 16, 16)
    source = fields[1, 0] - fields[1, 0].mean()
    frequencies = 2 * np.pi * np.fft.fftfreq(16, 1 / 16)
    k = np.stack(np.meshgrid(frequencies, frequencies, indexing="ij")[::-1])  # of x, the last axis, and y
    for eigenvalue, solution in zip((1.0, 5.0, 10.0, 20.0), fields[0, 1:], strict=True):
        (xx, yy, xy), *_ = diffusion_tensor(np.array([eigenvalue]), np.array([np.pi / 6]))
        symbol = xx * k[0] ** 2 + yy * k[1] ** 2 + 2 * xy * k[0] * k[1]
        back = np.fft.ifft2(symbol * np.fft.fft2(solution)).real
        np.testing.assert_allclose(back, source, atol=0.02 * abs(source).max())
    plt.close(figure)
