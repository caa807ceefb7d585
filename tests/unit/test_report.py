import re

import numpy as np
import pandas as pd
import pytest

from pdetransfer.report import Data, Experiment, Picture, render
from pdetransfer.tables import data_savings

AXES = {
    "dataset": ["far"],
    "model": ["m"],
    "init": ["scratch", "poisson"],
    "recipe": ["r"],
    "n_train": [0, 8, 32, 128],
}


@pytest.fixture
def experiment():
    """Fine-tuned models have half the error of a square-root law: four times the data."""
    rows = []
    for init, scale in (("scratch", 1.0), ("poisson", 0.5)):
        for n in AXES["n_train"]:
            error = scale * max(n, 2) ** -0.5
            trained = (1e-3, "inside", 2.0) if n else (np.nan, np.nan, np.nan)
            rows.append(("far", "m", init, "r", n, 0, error, error, error, error, *trained, 4, 16, error, 99))
    columns = (
        "dataset model init recipe n_train seed test_error test_error_median test_error_q25 test_error_q75 "
        "learning_rate learning_rate_edge seconds epochs steps validation_error num_parameters"
    )
    table = pd.DataFrame(rows, columns=columns.split())
    return Experiment("data_scaling", AXES, table, data_savings(table))


def test_the_answer_is_filled_in_from_the_savings(experiment):
    (answer,) = experiment.answers
    assert answer == (
        "On far, m fine-tuned on 8 examples reaches a test error of 0.177, "
        "for which training from scratch needs about 32 examples: 4 times as many, "
        "the largest ratio seen on this curve."
    )


def test_the_report_needs_no_other_file(experiment):
    picture = Picture("data_scaling", "error_vs_data", '<?xml version="1.0"?><svg id="drawn"></svg>')
    table = pd.DataFrame({"dataset": ["far"], "largest_residual": [1e-13]})
    data = Data(table, '<svg id="systems"></svg>', '<svg id="shifts"></svg>', {"far": b"png"}, 1234)
    html = render("Test scale", [experiment], [picture], data, {"seed": 0, "note": "<script>"})
    assert '<svg id="drawn">' in html
    assert '<svg id="systems">' in html
    assert '<img src="data:image/png;base64,cG5n"' in html
    assert "1,234" in html
    assert "Data scaling" in html
    assert experiment.answers[0] in html
    assert "&lt;script&gt;" in html
    assert not re.search(r'(src|href)\s*=\s*["\'](?!#|data:)', html)
    assert not re.search(r"@import|url\(|<script|<link", html)
