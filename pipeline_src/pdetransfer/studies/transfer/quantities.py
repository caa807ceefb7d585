"""What claims of the study are judged by: evidence and selections of cells -> an estimate with its replicates,
``(1 + count,)``, or alone; where it can be censored, an ``Estimate``."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import NUM_REPLICATES, Estimate
from pdetransfer.analysis.claims import Evidence, NotInStudy, NotRun
from pdetransfer.analysis.savings import equivalents, scratch_curves
from pdetransfer.analysis.tables import CURVE_AXES, spread_over_seeds
from pdetransfer.plan.entries import FNO, SCRATCH, Selection
from pdetransfer.plan.study import Cell, Curve


def smallest_savings(evidence: Evidence, cells: Selection) -> Estimate:
    """Examples that scratch needs for the fine-tuned error, over n_train; the smallest of a selection."""
    return _smallest(
        [Estimate(n_scratch / n, beyond) for (n_scratch, beyond), n in _equivalents(evidence, cells)]
    )


def smallest_difference(evidence: Evidence, cells: Selection) -> Estimate:
    """Examples that scratch needs for the fine-tuned error, less n_train; the smallest of a selection."""
    return _smallest(
        [Estimate(n_scratch - n, beyond) for (n_scratch, beyond), n in _equivalents(evidence, cells)]
    )


def _smallest(estimates: list[Estimate]) -> Estimate:
    """The smallest estimate of each replicate. One that may be smaller still leaves it open, whichever it is."""
    values, beyond = (np.stack(part) for part in zip(*estimates, strict=True))
    at = values.argmin(axis=0)[None]
    of_smallest = np.take_along_axis(beyond, at, axis=0)[0]
    return Estimate(values.min(axis=0), np.where((beyond < 0).any(axis=0), -1, of_smallest))


def _equivalents(evidence: Evidence, cells: Selection) -> Iterator[tuple[Estimate, int]]:
    """Examples that scratch needs for the error of each fine-tuned cell, and its n_train."""
    for curve, n in _fine_tuned(evidence, cells):
        scratch = scratch_curves(evidence.replicates.curve(*asdict(_from_scratch(curve)).values()))
        if not scratch:
            raise NotRun(_from_scratch(curve))
        yield equivalents(scratch, evidence.error(curve, n)), n


def _fine_tuned(evidence: Evidence, cells: Selection) -> list[Cell]:
    """The fine-tuned cells of a selection."""
    found = [cell for cell in evidence.select(cells) if cell[0].is_fine_tuned]
    if not found:
        raise NotInStudy(cells)
    return found


def _from_scratch(curve: Curve) -> Curve:
    return replace(curve, init=SCRATCH)


def _gains(evidence: Evidence, cells: Selection) -> list[np.ndarray]:
    """Error from scratch over error fine-tuned, of the fine-tuned cells in a selection."""
    return [
        evidence.error(_from_scratch(curve), n) / evidence.error(curve, n)
        for curve, n in _fine_tuned(evidence, cells)
    ]


def smallest_gain(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Error from scratch over error fine-tuned; the smallest of a selection."""
    return np.min(_gains(evidence, cells), axis=0)


def largest_gain(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Error from scratch over error fine-tuned; the largest of a selection."""
    return np.max(_gains(evidence, cells), axis=0)


def gain_ratio(evidence: Evidence, cells: Selection, over: Selection) -> np.ndarray:
    """Geometric mean of the gains of ``cells`` over that of ``over``."""
    return _mean(_gains(evidence, cells)) / _mean(_gains(evidence, over))


def smallest_error(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Test error; the smallest of a selection."""
    return np.min(evidence.errors(cells), axis=0)


def largest_error(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Test error; the largest of a selection."""
    return np.max(evidence.errors(cells), axis=0)


def mean_ratio(evidence: Evidence, cells: Selection, over: Selection) -> np.ndarray:
    """Geometric mean of the test errors of ``cells`` over that of ``over``."""
    return _mean(evidence.errors(cells)) / _mean(evidence.errors(over))


def smallest_step(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Smallest ratio of successive test errors along a selection, in the order of config: above 1, they rise."""
    return np.min(_steps(evidence, cells), axis=0)


def largest_step(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Largest ratio of successive test errors along a selection, in the order of config: below 1, they fall."""
    return np.max(_steps(evidence, cells), axis=0)


def _steps(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Ratios of successive test errors; of a single cell there are none, which is NaN."""
    errors = np.array(evidence.errors(cells))
    return errors[1:] / errors[:-1] if len(errors) > 1 else np.full((1, 1), np.nan)


def seed_spread_ratio(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Spread over seeds (``tables.spread_over_seeds``) from scratch over fine-tuned; medians over cells.
    Replicates draw the seeds of every cell."""
    chosen = {(curve.dataset, curve.model, curve.recipe) for curve, _ in evidence.select(cells)}
    curves = evidence.study.curves(cells.experiment)  # of both arms
    rows = pd.concat([evidence.rows(c) for c in curves if (c.dataset, c.model, c.recipe) in chosen])
    rows = rows.drop_duplicates([*CURVE_AXES, "n_train", "seed"])
    random = np.random.default_rng(0)
    spreads: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for (_, init, _), errors in rows.groupby(["dataset", "init", "n_train"])["test_error"]:
        drawn = random.choice(errors.to_numpy(), (NUM_REPLICATES, len(errors)))
        spreads[init == SCRATCH].append(spread_over_seeds(np.vstack([errors.to_numpy(), drawn])))
    scratch, fine_tuned = (np.median(spreads[arm], axis=0) for arm in (True, False))
    known = (scratch > 0) & (fine_tuned > 0)  # not where most draws have one seed alone
    return np.concatenate([scratch[:1] / fine_tuned[:1], scratch[1:][known[1:]] / fine_tuned[1:][known[1:]]])


def learning_rate_ratio(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Chosen learning rate at the smallest n_train over that at the largest; geometric mean over curves."""
    chosen = {curve for curve, _ in evidence.select(cells)}
    rates = []
    for curve in chosen:
        rows = evidence.rows(curve).sort_values("n_train")
        rates.append(rows["learning_rate"].iloc[0] / rows["learning_rate"].iloc[-1])
    return np.array([math.exp(np.mean(np.log(rates)))])


def parameters(evidence: Evidence, model: dict[str, Any]) -> np.ndarray:
    """Real parameters of an architecture with the four input channels of SYS-1."""
    return np.array([FNO(**model, rate=1).num_parameters(4)], float)


def hours_as_published(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Hours that four devices take for 500 epochs of 32,768 examples, at the mean rate of a selection's runs."""
    examples = seconds = 0
    for curve, n in evidence.select(cells):
        rows = evidence.rows(curve).query("n_train == @n")
        examples += (rows["epochs"] * n).sum()
        seconds += rows["seconds"].sum()
    return np.array([32_768 * 500 / 4 * seconds / examples / 3600])


def _solved(evidence: Evidence) -> list[dict]:
    """The cards of datasets that are generated, not users' files."""
    return [card for card in evidence.cards if not evidence.study.datasets[card["dataset"]].files]


def largest_span(evidence: Evidence) -> np.ndarray:
    """Largest over smallest RMS of the source, or norm of the coefficients, over the examples of all datasets of
    a system; the largest of the systems."""
    by_system: dict[str, list[dict]] = {}
    for card in _solved(evidence):
        by_system.setdefault(card["system"], []).append(card)
    spans = [
        max(facts["largest"] for facts in scales) / min(facts["smallest"] for facts in scales)
        for cards in by_system.values()
        for scales in ([card["rms"]["source"] for card in cards], [card["coefficients"] for card in cards])
    ]
    return np.array([max(spans, default=np.nan)])


def change_under_rescaling(evidence: Evidence) -> np.ndarray:
    """Largest relative change of a pre-trained model's normalised inputs when source and coefficients are
    multiplied by ten."""
    return np.array([evidence.table("invariance")["change"].max()])


def largest_residual(evidence: Evidence) -> np.ndarray:
    """Largest relative residual of the solutions, ‖L u - f‖ / ‖f‖, in all splits of all datasets, before they
    are rounded to float32."""
    return np.array([max((card["largest_residual"] for card in _solved(evidence)), default=np.nan)])


def _mean(values: list[np.ndarray]) -> np.ndarray:
    return np.exp(np.mean(np.log(values), axis=0))


QUANTITIES: dict[str, Callable[..., np.ndarray | Estimate]] = {
    function.__name__: function
    for function in (
        smallest_savings,
        smallest_difference,
        smallest_gain,
        largest_gain,
        gain_ratio,
        smallest_error,
        largest_error,
        mean_ratio,
        smallest_step,
        largest_step,
        seed_spread_ratio,
        learning_rate_ratio,
        parameters,
        hours_as_published,
        largest_span,
        change_under_rescaling,
        largest_residual,
    )
}
