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


def bars(axes):
    """The ends of each horizontal bar, and how opaque it is, by the label at its height, or by that."""
    labels = dict(zip(axes.get_yticks(), (text.get_text() for text in axes.get_yticklabels()), strict=True))
    found = {}
    for bar in axes.patches:
        middle = bar.get_y() + bar.get_height() / 2
        ends = bar.get_x(), bar.get_x() + bar.get_width()
        found.setdefault(labels.get(round(middle, 9), round(middle, 9)), []).append((ends, bar.get_alpha()))
    return found


def band(collection):
    """The ends of a band by x."""
    edges = np.unique(collection.get_paths()[0].vertices, axis=0)
    return {x: (edges[edges[:, 0] == x, 1].min(), edges[edges[:, 0] == x, 1].max()) for x in edges[:, 0]}
