"""The report of a scale: one HTML file that opens without a network."""

import inspect
import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from pdetransfer.analysis import claims as judged
from pdetransfer.analysis.comparison import summary
from pdetransfer.analysis.savings import bounds_in_words
from pdetransfer.analysis.tables import AXES, with_short_hashes
from pdetransfer.base.provenance import versions
from pdetransfer.plan import entries
from pdetransfer.plan.answers import Question
from pdetransfer.plan.study import Study
from pdetransfer.report.charts import comparison_chart, error_chart, libraries

_TABLE_COLUMNS = {
    "dataset": "dataset",
    "model": "model",
    "recipe": "recipe",
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
    "device": "device",
    "pdetransfer": "pdetransfer",
    "commit": "commit",
    "data": "data, SHA-256",
    "weights": "checkpoint, SHA-256",
}
_SAVINGS_COLUMNS = {
    "dataset": "dataset",
    "model": "model",
    "init": "init",
    "n_train": "n fine-tuned",
    "test_error": "test error",
    "equivalent_n": "equivalent n",
    "equivalent_low": "95 % from",
    "equivalent_high": "to",
    "ratio": "ratio",
    "difference": "difference",
    "bound": "bound",
    "why": "why",
    "censored": "replicates beyond the curve",
    "gain": "gain at equal n",
    "gain_low": "95 % from ",
    "gain_high": "to ",
}
_LAW_COLUMNS = {
    "in": "in",
    "dataset": "dataset",
    "model": "model",
    "init": "init",
    "recipe": "recipe",
    "smallest": "from",
    "largest": "to",
    "points": "points",
    "exponent": "α",
    "exponent_low": "95 % from",
    "exponent_high": "to ",
    "beside_scratch": "α less that from scratch",
    "beside_scratch_low": "95 % from ",
    "beside_scratch_high": "to  ",
    "floor": "E",
    "amplitude": "A",
    "statement": "what is identified",
}

_COMPARISON_COLUMNS = {
    "dataset": "dataset",
    "model": "model",
    "init": "init",
    "recipe": "recipe",
    "n_train": "n",
    "test_error": "test error, ours",
    "test_error_other": "the other's",
    "ratio": "ratio",
    "ratio_low": "95 % from",
    "ratio_high": "to",
    "p_adjusted": "p, adjusted",
    "differs": "differs",
    "same_examples": "by pairs",
    "seeds": "seeds, ours",
    "seeds_other": "the other's ",
}


def caption(draw: Callable) -> list[str]:
    """What a function draws, and how to read it: the paragraphs of its docstring."""
    return inspect.getdoc(draw).split("\n\n")


@dataclass(frozen=True)
class Picture:
    """A drawn figure: its entry in config, the SVG, and the paragraphs below it (``caption``)."""

    name: str
    entry: entries.Figure
    svg: str
    caption: list[str]

    @property
    def markup(self) -> str:
        return svg_element(self.svg)


@dataclass(frozen=True)
class Experiment:
    """An experiment's entry in config, its table and its data savings."""

    name: str
    entry: entries.Experiment
    cells: pd.DataFrame
    savings: pd.DataFrame

    @property
    def summary(self) -> dict[str, str]:
        """What was run, in numbers."""
        trained = self.cells[self.cells["n_train"] > 0]
        distinct = trained.drop_duplicates(AXES)
        at_edge = distinct["learning_rate_edge"] != "inside"
        return {
            "datasets": ", ".join(self.entry.dataset),
            "models": ", ".join(
                f"{model} ({rows['num_parameters'].max():,} parameters)"
                for model, rows in self.cells.groupby("model", sort=False)
            ),
            "inits": ", ".join(self.cells["init"].unique()),
            "downstream examples": ", ".join(map(str, self.entry.n_train)),
            "from scratch also on": ", ".join(map(str, self.entry.scratch_n_train)) or "no others",
            "seeds": ", ".join(map(str, sorted(self.cells["seed"].unique()))),
            "steps of a run": "none is trained" if trained.empty else _range(trained["steps"]),
            "examples seen by the chosen runs": f"{(trained['epochs'] * trained['n_train']).sum():,.0f}",
            "seconds of the chosen runs": f"{trained['seconds'].sum():,.0f}",
            "chosen learning rates at the edge of their grid": f"{at_edge.sum()} of {len(distinct)}",
            "data savings that are bounds": bounds_in_words(self.savings),
        }

    def table_html(self, words: dict[str, str]) -> str:
        return _html(with_short_hashes(self.cells), _TABLE_COLUMNS, words)

    def savings_html(self, words: dict[str, str]) -> str:
        return _html(self.savings, _SAVINGS_COLUMNS, words)


@dataclass(frozen=True)
class Supplement:
    """A table of a question that stands beside its figures: title, sentences before it, and the table."""

    question: str
    title: str
    sentences: list[str]
    table: pd.DataFrame


@dataclass(frozen=True)
class Section:
    """A question by name, the experiments that answer it, their figures, tables of all of them to be shown, and
    those of the study by name."""

    name: str
    question: Question
    experiments: list[Experiment]
    pictures: list[Picture]
    supplements: list[Supplement]
    tables: dict[str, pd.DataFrame]

    @property
    def headline(self) -> str:
        cells, savings = (
            pd.concat([getattr(experiment, table) for experiment in self.experiments])
            for table in ("cells", "savings")
        )
        return self.question.headline(cells, savings, self.tables)

    @property
    def answers(self) -> list[str]:
        return [
            sentence
            for experiment in self.experiments
            for sentence in self.question.answer(experiment.cells, experiment.savings)
        ]

    @property
    def datasets(self) -> set[str]:
        return {name for experiment in self.experiments for name in experiment.entry.dataset}

    @property
    def is_trained(self) -> bool:
        """Whether any of its models is: without, there is no curve to draw a chart of."""
        return any((experiment.cells["n_train"] > 0).any() for experiment in self.experiments)

    def chart(self, study: Study) -> str:
        """The interactive chart of all points: a Vega-Lite specification as JSON that may stand in HTML."""
        return _embedded(error_chart([experiment.cells for experiment in self.experiments], study))


def sections(
    experiments: list[Experiment],
    pictures: list[Picture],
    supplements: list[Supplement],
    tables: dict[str, pd.DataFrame],
    questions: dict[str, Question],
) -> list[Section]:
    """A section for each of a study's questions that is asked; a figure stands where its first experiment does."""
    question_of = {experiment.name: experiment.entry.question for experiment in experiments}
    return [
        Section(
            name,
            question,
            [experiment for experiment in experiments if experiment.entry.question == name],
            [picture for picture in pictures if question_of[picture.entry.experiments[0]] == name],
            [supplement for supplement in supplements if supplement.question == name],
            tables,
        )
        for name, question in questions.items()
        if name in question_of.values()
    ]


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


@dataclass(frozen=True)
class Data:
    """What is shown of the data: the table of datasets, where there are any to show, figures as SVG with their
    captions, the cards as PNG by dataset, the number of examples that were compared for coincidences, in words
    what sets have in common, and whether the datasets are those that controls alone use."""

    table: pd.DataFrame | None
    figures: list[tuple[str, str]]
    cards: dict[str, bytes]
    num_compared: int
    shared: list[str]
    of_controls: bool = False

    def table_html(self, words: dict[str, str]) -> str:
        return _html(self.table, _spaced(self.table), words)

    @property
    def satisfied(self) -> str:
        """How far solutions are known to satisfy an equation; nothing is known of a user's file without one."""
        known = self.table["largest_residual"].notna()
        if not known.any():
            return "No equation of these data is known, and none was checked."
        which = "All solutions satisfy" if known.all() else "Where it is known, solutions satisfy"
        return f"{which} their equation: the largest residual stands in the table."

    @property
    def card_urls(self) -> dict[str, str]:
        return {name: f"data:image/png;base64,{b64encode(png).decode()}" for name, png in self.cards.items()}


def svg_element(svg: str) -> str:
    """The element of an SVG file, without the file's header."""
    return svg[svg.index("<svg") :]


def stages(benchmarks: list[Path], folder: Path) -> pd.DataFrame:
    """Time and memory of the stages of the workflow, summed over the jobs of each rule, from Snakemake's
    ``benchmarks`` below ``folder``."""
    jobs = pd.concat(
        pd.read_csv(file, sep="\t", na_values="-").assign(
            stage=file.relative_to(folder).parts[0].split(".")[0]
        )
        for file in benchmarks
    )
    by_stage = jobs.groupby("stage")
    return pd.DataFrame(
        {
            "jobs": by_stage.size(),
            "seconds": by_stage["s"].sum(),
            "peak memory in MB": by_stage["max_rss"].max(),
        }
    ).reset_index()


def sizes(folder: Path) -> pd.DataFrame:
    """Files and megabytes below each part of a results folder."""
    rows = []
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = [path.stat() for path in part.rglob("*") if path.is_file()]
        rows.append(
            {"folder": part.name, "files": len(files), "MB": sum(file.st_size for file in files) / 1e6}
        )
    return pd.DataFrame(rows)


def render(
    study: Study,
    sections: list[Section],
    claims: list[dict],
    laws: pd.DataFrame | None,
    data: Data,
    costs: dict[str, pd.DataFrame],
) -> str:
    """The report of a study as HTML, figures and style inlined; ``claims`` are verdicts (``claims.Verdict``),
    ``laws`` the table of ``fits.scaling_laws``, ``costs`` tables by their heading."""
    words = {name: study.in_words(name) for name in study.datasets}
    return _template("report.html.j2").render(
        title=f"{study.scale.capitalize()} scale",
        study=study,
        sections=sections,
        claims=claims,
        bounds=_bounds(sections),
        verdicts=judged.summary(claim["verdict"] for claim in claims),
        number=lambda value: "" if value is None else judged.spelled(value),
        laws=None if laws is None or laws.empty else _html(laws, _LAW_COLUMNS, words),
        data=data,
        costs=costs,
        words=words,
        heading=lambda dataset: _called(dataset, words.get(dataset, dataset)),
        in_words=lambda text, names: _replaced(text, {name: words[name] for name in names}),
        with_words=lambda text, names: _replaced(text, {name: _called(name, words[name]) for name in names}),
        table_html=lambda table: _html(table, _spaced(table), words),
        svg_element=svg_element,
        libraries=libraries(),
        config=json.dumps(study.settings(), indent=1),
        provenance=_provenance(),
    )


def render_comparison(table: pd.DataFrame, ours: str, other: str) -> str:
    """The page that shows a comparison (``comparison.compare``) of two results folders, which are named."""
    return _template("comparison.html.j2").render(
        title="two results side by side",
        table=table,
        ours=ours,
        other=other,
        summary=summary(table),
        chart=_embedded(comparison_chart(table)),
        paired=int(table["same_examples"].sum()),
        with_seeds=int((table[["seeds", "seeds_other"]].min(axis=1) > 1).sum()),
        rows=_html(table, _COMPARISON_COLUMNS, {}),
        libraries=libraries(),
        provenance=_provenance(),
    )


def _bounds(sections: list[Section]) -> str:
    """How many data savings of a report are bounds, and why; empty where there are none."""
    savings = [experiment.savings for section in sections for experiment in section.experiments]
    return bounds_in_words(pd.concat(savings)) if any(map(len, savings)) else ""


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)


def _embedded(specification: dict) -> str:
    """A specification as JSON that may stand in HTML."""
    return json.dumps(specification, separators=(",", ":")).replace("</", "<\\/")


def _spaced(table: pd.DataFrame) -> dict[str, str]:
    """Headings that a line may break."""
    return {name: name.replace("_", " ") for name in table}


def _called(dataset: str, in_words: str) -> Markup:
    """A dataset in words, and as the config has it."""
    name = Markup("<code>{}</code>").format(dataset)
    return name if in_words == dataset else Markup("{} ({})").format(in_words, name)


def _replaced(text: str, called: dict[str, str]) -> Markup:
    """A text in which each dataset that stands by its name is called otherwise."""
    name = "|".join(map(re.escape, sorted(called, key=len, reverse=True)))
    parts = re.split(rf"(?<![\w.-])({name})(?![\w-]|\.\w)", text)
    return Markup("").join(called.get(part, part) for part in parts)


def _html(table: pd.DataFrame, columns: dict[str, str], words: dict[str, str]) -> str:
    """A table with headings by column; datasets stand as in ``words`` and as the config has them."""
    shown = table[[*columns]].map(lambda value: escape(value) if isinstance(value, str) else value)
    if "dataset" in shown:
        shown["dataset"] = [
            _called(name, words[name]) if name in words else escape(name) for name in table["dataset"]
        ]
    return shown.rename(columns=columns).to_html(
        index=False,
        escape=False,
        border=0,
        na_rep="",
        float_format=lambda value: f"{value:.4g}",
        classes="sortable compact",
    )


def _provenance() -> dict[str, str]:
    return versions() | {"written": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z")}
