"""Figures, read back: what images and bands show."""

import numpy as np

DIVERGING = "RdBu_r"  # of fields that have both signs


def images(figure):
    """The images of a figure but for scales, in the order of their axes."""
    scales = [image.colorbar.ax for axes in figure.axes for image in axes.images if image.colorbar]
    return [image for axes in figure.axes if axes not in scales for image in axes.images]


def assert_zero_is_white(figure):
    """In every image whose colours tell signs, as a reader takes them to."""
    of_signs = [image for image in images(figure) if image.cmap.name == DIVERGING]
    assert of_signs
    for image in of_signs:
        assert image.norm.vmin == -image.norm.vmax < 0


def band(collection):
    """The ends of a band by x."""
    edges = np.unique(collection.get_paths()[0].vertices, axis=0)
    return {x: (edges[edges[:, 0] == x, 1].min(), edges[edges[:, 0] == x, 1].max()) for x in edges[:, 0]}
