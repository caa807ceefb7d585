import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from pdetransfer.figures import FIGURES, save

OPTIONS = {
    "title": "A title",
    "pretrainings": {"poisson": "near"},
    "datasets": {
        "near": {"system": "poisson", "eigenvalue_range": [1, 5]},
        "far": {"system": "poisson", "eigenvalue_range": [5, 10]},
    },
}


@pytest.fixture
def table():
    """A table as an experiment gives it: both arms, zero-shot, three seeds."""
    random = np.random.default_rng(0)
    rows = [
        ("far", "m", init, "r", n, seed, scale * max(n, 2) ** -0.4 * random.uniform(0.9, 1.1))
        for init, scale in (("scratch", 1.0), ("poisson", 0.2))
        for n in (0, 8, 32, 128)
        for seed in (0, 1, 2)
    ]
    return pd.DataFrame(rows, columns=["dataset", "model", "init", "recipe", "n_train", "seed", "test_error"])


def texts(figure):
    return [text.get_text() for text in figure.findobj(plt.Text)]


@pytest.mark.parametrize("kind", FIGURES)
def test_every_kind_is_saved_in_every_format_and_repeats_itself(kind, table, tmp_path):
    for folder in ("first", "again"):
        paths = [tmp_path / folder / name for name in ("figure.svg", "figure.png")]
        save(lambda: FIGURES[kind](table, OPTIONS), paths)
    for name in ("figure.svg", "figure.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_error_vs_data_labels_the_arms_and_draws_the_ranges(table):
    figure = FIGURES["error_vs_data"](table, OPTIONS)
    assert {
        "A title",
        "zero-shot",
        "untrained",
        "fine-tuned",
        "from scratch",
        "pre-training  U(1, 5)",
        "downstream  U(5, 10)",
    } <= set(texts(figure))
    means = table[table["n_train"] > 0].groupby(["init", "n_train"])["test_error"].mean()
    drawn = [line.get_ydata() for line in figure.axes[1].lines if len(line.get_ydata()) == 3]
    for init in ("scratch", "poisson"):
        assert any(np.allclose(line, means[init]) for line in drawn)
    plt.close(figure)


@pytest.mark.parametrize("kind", FIGURES)
def test_models_recipes_and_inits_are_told_apart(kind, table):
    """Another model and recipe are panels with a name; another pre-training is a line with a label."""
    other_init = table[table["init"] == "poisson"].assign(init="mixed")
    table = pd.concat([table, other_init, table.assign(model="large"), table.assign(recipe="long")])
    figure = FIGURES[kind](table, OPTIONS | {"pretrainings": {"poisson": "near", "mixed": "near"}})
    labels = texts(figure)
    assert {"m, r", "large, r", "m, long"} <= set(labels)
    assert {"fine-tuned, poisson", "fine-tuned, mixed"} <= set(labels)
    plt.close(figure)


def test_data_savings_marks_bounds(table):
    figure = FIGURES["data_savings"](table, OPTIONS)
    labels = texts(figure)
    assert "≥ 16×" in labels  # 8 examples do better than 128 from scratch
    assert "no savings" in labels
    plt.close(figure)
