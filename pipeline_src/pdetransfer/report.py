"""The report of a scale: one HTML file that opens without a network."""

import inspect
import json
import platform
import shutil
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import jinja2
import pandas as pd

import pdetransfer
from pdetransfer.figures import FIGURES
from pdetransfer.tables import AXES

_LIBRARIES = ("torch", "numpy", "scipy", "zarr", "xarray", "pandas", "seaborn", "snakemake")
_TABLE_COLUMNS = {
    "init": "init",
    "n_train": "n",
    "seed": "seed",
    "learning_rate": "learning rate",
    "learning_rate_edge": "edge of grid",
    "epochs": "epochs",
    "steps": "steps",
    "seconds": "seconds",
    "validation_error": "validation error",
    "test_error": "test error, mean",
    "test_error_median": "median",
    "test_error_q25": "quartile 1",
    "test_error_q75": "quartile 3",
}
_SAVINGS_COLUMNS = {
    "init": "init",
    "n_train": "n fine-tuned",
    "test_error": "test error",
    "equivalent_n": "equivalent n",
    "ratio": "ratio",
    "difference": "difference",
    "bound": "bound",
}


@dataclass(frozen=True)
class Picture:
    """A drawn figure of an experiment."""

    experiment: str
    kind: str
    svg: str

    @property
    def markup(self) -> str:
        return svg_element(self.svg)

    @property
    def caption(self) -> list[str]:
        """What is drawn, and how to read it: the paragraphs of the docstring of the function that draws."""
        return inspect.getdoc(FIGURES[self.kind]).split("\n\n")


@dataclass(frozen=True)
class Experiment:
    """An experiment's axes in config, its table and its data savings."""

    name: str
    axes: dict
    table: pd.DataFrame
    savings: pd.DataFrame

    @property
    def answers(self) -> list[str]:
        """What the data savings say, in a sentence for each fine-tuned curve."""
        curves = self.savings.groupby(["dataset", "model", "init"], sort=False)
        return [_answer(dataset, model, rows) for (dataset, model, _), rows in curves]

    @property
    def summary(self) -> dict[str, str]:
        """What was run, in numbers."""
        trained = self.table[self.table["n_train"] > 0]
        cells = trained.drop_duplicates(AXES)
        at_edge = cells["learning_rate_edge"] != "inside"
        return {
            "datasets": ", ".join(self.axes["dataset"]),
            "models": ", ".join(
                f"{model} ({rows['num_parameters'].iloc[0]:,} parameters)"
                for model, rows in self.table.groupby("model", sort=False)
            ),
            "inits": ", ".join(self.axes["init"]),
            "training examples": ", ".join(map(str, self.axes["n_train"])),
            "seeds": ", ".join(map(str, sorted(self.table["seed"].unique()))),
            "seconds of the chosen runs": f"{trained['seconds'].sum():,.0f}",
            "chosen learning rates at the edge of their grid": f"{at_edge.sum()} of {len(cells)}",
        }

    @property
    def table_html(self) -> str:
        return _html(self.table, _TABLE_COLUMNS)

    @property
    def savings_html(self) -> str:
        return _html(self.savings, _SAVINGS_COLUMNS)


@dataclass(frozen=True)
class Data:
    """What is shown of the data: the table of datasets, the figures of systems and shifts, the cards as PNG
    by dataset, and the number of examples that were compared for coincidences."""

    table: pd.DataFrame
    systems: str
    shifts: str
    cards: dict[str, bytes]
    num_compared: int

    @property
    def table_html(self) -> str:
        return _html(self.table, {name: name.replace("_", " ") for name in self.table})

    @property
    def card_urls(self) -> dict[str, str]:
        return {name: f"data:image/png;base64,{b64encode(png).decode()}" for name, png in self.cards.items()}


def svg_element(svg: str) -> str:
    """The element of an SVG file, without the file's header."""
    return svg[svg.index("<svg") :]


def render(
    title: str, experiments: list[Experiment], pictures: list[Picture], data: Data, config: dict
) -> str:
    """The report as HTML, figures and style inlined."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html.j2").render(
        title=title,
        experiments=experiments,
        pictures=pictures,
        data=data,
        svg_element=svg_element,
        config=json.dumps(config, indent=1),
        provenance=_provenance(),
    )


def _answer(dataset: str, model: str, rows: pd.DataFrame) -> str:
    """The largest ratio of a curve, exact or as a lower bound, at the smallest n_train that has it."""
    known = rows[(rows["n_train"] > 0) & (rows["bound"] != "upper")].sort_values("n_train")
    if known.empty:
        return f"On {dataset}, fine-tuning {model} is worse than the smallest training from scratch."
    point = known.loc[known["ratio"].round(3).idxmax()]
    beyond = point.bound == "lower"
    return (
        f"On {dataset}, {model} fine-tuned on {point.n_train} examples reaches a test error of "
        f"{point.test_error:.3g}, for which training from scratch needs {'more than' if beyond else 'about'} "
        f"{point.equivalent_n:,.0f} examples: {'at least ' if beyond else ''}{point.ratio:.3g} times "
        f"as many, the largest ratio seen on this curve."
    )


def _html(table: pd.DataFrame, columns: dict[str, str]) -> str:
    shown = table[[*columns]].rename(columns=columns)
    return shown.to_html(index=False, border=0, na_rep="", float_format=lambda value: f"{value:.4g}")


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    if shutil.which("git") is None:
        return "unknown"
    git = subprocess.run(command, capture_output=True, text=True, check=False)
    return git.stdout.strip() or "unknown"


def _provenance() -> dict[str, str]:
    return {
        "pdetransfer": pdetransfer.__version__,
        "commit": _commit(),
        "Python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "written": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z"),
    }
