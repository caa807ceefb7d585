"""Published claims -> verdicts, from the results at hand."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates, interval
from pdetransfer.analysis.savings import scratch_curves
from pdetransfer.analysis.tables import CURVE_AXES
from pdetransfer.plan.costs import num_parameters
from pdetransfer.plan.experiments import OWN, SCRATCH, Curve, curves


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by: the config, bootstrapped test errors, the table of all cells, the facts of
    the datasets' ``cards``, and the table of ``scaling`` (``operators.change_under_scaling``).

    A selection of cells names an ``experiment`` and restricts its axes; what it leaves out is not restricted.
    ``n`` is "zero", "few" (the second smallest n_train), "middle", "most" or "trained" (all but zero).
    """

    config: dict
    replicates: Replicates
    cells: pd.DataFrame
    cards: list[dict] = field(default_factory=list)
    scaling: pd.DataFrame | None = None

    def select(self, selection: dict) -> list[tuple[Curve, int]]:
        """Curves and n_train of a selection, in the order of config."""
        name = selection["experiment"]
        chosen = [
            curve
            for curve in curves(self.config, name)
            if curve.dataset in _listed(selection, "dataset", curve.dataset)
            and curve.model in _listed(selection, "model", curve.model)
            and self._has_init(curve, selection)
        ]
        sizes = sorted(n for n in self.config["experiments"][name]["n_train"] if n)
        words = {"zero": [0], "few": sizes[1:2] or sizes, "middle": [sizes[len(sizes) // 2]]}
        words |= {"most": sizes[-1:], "trained": sizes}
        return [(curve, n) for curve in chosen for n in words[selection["n"]]]

    def _has_init(self, curve: Curve, selection: dict) -> bool:
        own = self.config["datasets"][curve.dataset].get("system")
        wanted = [own if init == OWN else init for init in _listed(selection, "init", curve.init)]
        return curve.init in wanted

    def errors(self, selection: dict) -> list[np.ndarray]:
        """Test errors of a selection with their replicates."""
        return [self.error(curve, n) for curve, n in self.select(selection)]

    def error(self, curve: Curve, n_train: int) -> np.ndarray:
        return self.replicates.means[(*asdict(curve).values(), n_train)]

    def rows(self, curve: Curve) -> pd.DataFrame:
        """The trained cells of a curve in the table of all cells."""
        of_curve = (self.cells[CURVE_AXES] == [*asdict(curve).values()]).all(axis=1)
        return self.cells[of_curve & (self.cells["n_train"] > 0)]

    def solved(self) -> list[dict]:
        """The cards of datasets that are generated, not users' files."""
        return [card for card in self.cards if "files" not in self.config["datasets"][card["dataset"]]]

    def gains(self, selection: dict) -> list[np.ndarray]:
        """Error from scratch over error fine-tuned, of the fine-tuned cells in a selection."""
        return [
            self.error(Curve(curve.dataset, curve.model, SCRATCH, curve.recipe), n) / self.error(curve, n)
            for curve, n in self.select(selection)
            if curve.is_fine_tuned
        ]


def _listed(selection: dict, axis: str, default: str) -> list[str]:
    value = selection.get(axis, default)
    return value if isinstance(value, list) else [value]


def smallest_savings(evidence: Evidence, cells: dict) -> np.ndarray:
    """Examples that scratch needs for the fine-tuned error, over n_train; the smallest of a selection.

    Where scratch does not reach the error this is a lower bound.
    """
    return np.min([needed / n for needed, n in _equivalents(evidence, cells)], axis=0)


def smallest_difference(evidence: Evidence, cells: dict) -> np.ndarray:
    """Examples that scratch needs for the fine-tuned error, less n_train; the smallest of a selection.

    Where scratch does not reach the error this is a lower bound.
    """
    return np.min([needed - n for needed, n in _equivalents(evidence, cells)], axis=0)


def _equivalents(evidence: Evidence, cells: dict) -> Iterator[tuple[np.ndarray, int]]:
    """Examples that scratch needs for the error of each fine-tuned cell, with replicates, and its n_train."""
    for curve, n in evidence.select(cells):
        if curve.is_fine_tuned:
            scratch = evidence.replicates.curve(curve.dataset, curve.model, SCRATCH, curve.recipe)
            pairs = zip(scratch_curves(scratch), evidence.error(curve, n), strict=True)
            yield np.array([monotone.equivalent_n(error).n for monotone, error in pairs]), n


def smallest_gain(evidence: Evidence, cells: dict) -> np.ndarray:
    """Error from scratch over error fine-tuned; the smallest of a selection."""
    return np.min(evidence.gains(cells), axis=0)


def largest_gain(evidence: Evidence, cells: dict) -> np.ndarray:
    """Error from scratch over error fine-tuned; the largest of a selection."""
    return np.max(evidence.gains(cells), axis=0)


def gain_ratio(evidence: Evidence, cells: dict, over: dict) -> np.ndarray:
    """Geometric mean of the gains of ``cells`` over that of ``over``."""
    return _mean(evidence.gains(cells)) / _mean(evidence.gains(over))


def smallest_error(evidence: Evidence, cells: dict) -> np.ndarray:
    """Test error; the smallest of a selection."""
    return np.min(evidence.errors(cells), axis=0)


def largest_error(evidence: Evidence, cells: dict) -> np.ndarray:
    """Test error; the largest of a selection."""
    return np.max(evidence.errors(cells), axis=0)


def largest_ratio(evidence: Evidence, cells: dict, over: dict) -> np.ndarray:
    """Test errors of ``cells`` over those of ``over``, pair by pair; the largest."""
    pairs = zip(evidence.errors(cells), evidence.errors(over), strict=True)
    return np.max([numerator / denominator for numerator, denominator in pairs], axis=0)


def mean_ratio(evidence: Evidence, cells: dict, over: dict) -> np.ndarray:
    """Geometric mean of the test errors of ``cells`` over that of ``over``."""
    return _mean(evidence.errors(cells)) / _mean(evidence.errors(over))


def smallest_step(evidence: Evidence, cells: dict) -> np.ndarray:
    """Smallest ratio of successive test errors along a selection, in the order of config: above 1, they rise."""
    return np.min(_steps(evidence, cells), axis=0)


def largest_step(evidence: Evidence, cells: dict) -> np.ndarray:
    """Largest ratio of successive test errors along a selection, in the order of config: below 1, they fall."""
    return np.max(_steps(evidence, cells), axis=0)


def _steps(evidence: Evidence, cells: dict) -> np.ndarray:
    """Ratios of successive test errors; of a single cell there are none, which is NaN."""
    errors = np.array(evidence.errors(cells))
    return errors[1:] / errors[:-1] if len(errors) > 1 else np.full((1, 1), np.nan)


def seed_spread_ratio(evidence: Evidence, cells: dict) -> np.ndarray:
    """Interquartile range over seeds, relative to the mean, from scratch over fine-tuned; medians over cells."""
    names = {curve.dataset for curve, _ in evidence.select(cells)}
    recipes = {curve.recipe for curve, _ in evidence.select(cells)}
    rows = evidence.cells.drop_duplicates(["dataset", "model", "init", "recipe", "n_train", "seed"])
    rows = rows[rows["dataset"].isin(names) & rows["recipe"].isin(recipes) & (rows["n_train"] > 0)]
    groups = rows.groupby(["dataset", "init", "n_train"])["test_error"]
    spread = ((groups.quantile(0.75) - groups.quantile(0.25)) / groups.mean()).reset_index()
    is_scratch = spread["init"] == SCRATCH
    value = spread.loc[is_scratch, "test_error"].median() / spread.loc[~is_scratch, "test_error"].median()
    return np.array([value])


def learning_rate_ratio(evidence: Evidence, cells: dict) -> np.ndarray:
    """Chosen learning rate at the smallest n_train over that at the largest; geometric mean over curves."""
    chosen = {curve for curve, _ in evidence.select(cells)}
    rates = []
    for curve in chosen:
        rows = evidence.rows(curve).sort_values("n_train")
        rates.append(rows["learning_rate"].iloc[0] / rows["learning_rate"].iloc[-1])
    return np.array([math.exp(np.mean(np.log(rates)))])


def parameters(evidence: Evidence, model: str) -> np.ndarray:
    """Real parameters of a model with the four input channels of SYS-1."""
    return np.array([num_parameters(evidence.config["models"][model], 4)], float)


def hours_as_published(evidence: Evidence, cells: dict) -> np.ndarray:
    """Hours that four devices take for 500 epochs of 32,768 examples, at the mean rate of a selection's runs."""
    examples = seconds = 0
    for curve, n in evidence.select(cells):
        rows = evidence.rows(curve).query("n_train == @n")
        examples += (rows["epochs"] * n).sum()
        seconds += rows["seconds"].sum()
    return np.array([32_768 * 500 / 4 * seconds / examples / 3600])


def largest_span(evidence: Evidence) -> np.ndarray:
    """Largest over smallest RMS of the source, or norm of the coefficients, over the examples of all datasets of
    a system; the largest of the systems."""
    by_system: dict[str, list[dict]] = {}
    for card in evidence.solved():
        by_system.setdefault(card["system"], []).append(card)
    spans = [
        max(facts["largest"] for facts in scales) / min(facts["smallest"] for facts in scales)
        for cards in by_system.values()
        for scales in ([card["rms"]["source"] for card in cards], [card["coefficients"] for card in cards])
    ]
    return np.array([max(spans, default=np.nan)])


def change_under_scaling(evidence: Evidence) -> np.ndarray:
    """Largest relative change of a pre-trained model's normalised inputs when source and coefficients are
    multiplied by ten."""
    return np.array([np.nan if evidence.scaling is None else evidence.scaling["change"].max()])


def largest_residual(evidence: Evidence) -> np.ndarray:
    """Largest relative residual of the solutions, ‖L u - f‖ / ‖f‖, in all splits of all datasets, before they
    are rounded to float32."""
    return np.array([max((card["largest_residual"] for card in evidence.solved()), default=np.nan)])


def _mean(values: list[np.ndarray]) -> np.ndarray:
    return np.exp(np.mean(np.log(values), axis=0))


QUANTITIES: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (
        smallest_savings,
        smallest_difference,
        smallest_gain,
        largest_gain,
        gain_ratio,
        smallest_error,
        largest_error,
        largest_ratio,
        mean_ratio,
        smallest_step,
        largest_step,
        seed_spread_ratio,
        learning_rate_ratio,
        parameters,
        hours_as_published,
        largest_span,
        change_under_scaling,
        largest_residual,
    )
}


@dataclass(frozen=True)
class Verdict:
    """A claim judged: "holds", "fails", "inconclusive" (the interval crosses a bound), "not run" (results are
    missing) or "not judged" (no bounds at this scale)."""

    claim: str
    statement: str
    place: str
    quantity: str
    verdict: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bounds: dict = field(default_factory=dict)
    cells: list[str] = field(default_factory=list)
    note: str = ""


_ALONG_CELLS = ("smallest_step", "largest_step")  # quantities that a single cell does not have


def judge(name: str, claim: dict, scale: str, evidence: Evidence) -> Verdict:
    """The verdict on one entry of ``config/claims.yaml`` at a scale."""
    told = {
        "claim": name,
        "statement": claim["statement"],
        "place": claim["place"],
        "quantity": claim["quantity"],
    }
    bounds = claim["bounds"].get(scale)
    if bounds is None:
        return Verdict(**told, verdict="not judged")
    selections = [evidence.select(claim[key]) for key in ("cells", "over") if key in claim]
    needed = [cell for selection in selections for cell in selection]
    paths = [f"{curve.path}/n{n}" for curve, n in needed]
    missing = any((*asdict(curve).values(), n) not in evidence.replicates.means for curve, n in needed)
    lone = claim["quantity"] in _ALONG_CELLS and len(needed) < 2
    if missing or lone or not all(selections):
        return Verdict(**told, verdict="not run", bounds=bounds, cells=paths)
    arguments = {key: claim[key] for key in ("cells", "over", "model") if key in claim}
    values = QUANTITIES[claim["quantity"]](evidence, **arguments)
    if np.isnan(values[0]):
        return Verdict(**told, verdict="not run", bounds=bounds, cells=paths)
    low, high = interval(values) if len(values) > 1 else (float(values[0]), float(values[0]))
    verdict = _verdict(low, high, bounds.get("at_least", -math.inf), bounds.get("at_most", math.inf))
    note = claim.get("notes", {}).get(scale, "")
    return Verdict(
        **told,
        verdict=verdict,
        value=float(values[0]),
        low=low,
        high=high,
        bounds=bounds,
        cells=paths,
        note=note,
    )


def _verdict(low: float, high: float, at_least: float, at_most: float) -> str:
    if at_least <= low and high <= at_most:
        return "holds"
    return "fails" if high < at_least or low > at_most else "inconclusive"
