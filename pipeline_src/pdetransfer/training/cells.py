"""A cell: the runs of its learning rates and seeds, and the choice among them."""

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch

from pdetransfer.models.operators import Channels
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.loop import Task
from pdetransfer.training.state import Run, Trial

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """A trained cell: the chosen learning rate with a run for each seed, and all runs."""

    architecture: dict
    channels: Channels
    learning_rates: list[
        float
    ]  #: all that were tried; the last one beyond the recipe's if its grid was extended
    learning_rate: float
    edge: str  #: "low" or "high" if the chosen rate is the smallest or largest that was tried, else "inside"
    chosen: list[Run]
    runs: list[Run]


def train_cell(task: Task, train: Callable[[list[Trial]], Iterable[Run]], known: Iterable[Run] = ()) -> Cell:
    """Train the runs of a cell; choose the learning rate by validation error, mean over the tuning seeds.

    ``train`` yields the runs of the trials it is given, in any order (``loop.train_runs``,
    ``workers.train_runs``). Of the runs in ``known``, which were trained before with the same settings, none is
    trained again, unless the weights of a chosen one have not been kept. A run that diverged is recorded as such
    and its learning rate loses. Raises RuntimeError if none of several is left; a single one is not tuned, so that
    its runs diverge is their result (``_as_diverged``).
    """
    recipe, rates = task.recipe, list(task.recipe.learning_rates)
    tuning = recipe.seeds[: recipe.num_tuning_seeds]
    runs = {(run.learning_rate, run.seed): run for run in known}

    def train_missing(trials: list[Trial], with_weights: bool) -> None:
        def is_missing(trial: Trial) -> bool:
            run = runs.get(trial)
            return run is None or (with_weights and run.best is None and not run.diverged)

        missing = list(filter(is_missing, trials))
        for run in train(missing) if missing else ():
            runs[run.learning_rate, run.seed] = run
            _keep_best_weights(runs, rates, recipe)

    def tune() -> float:
        train_missing([(rate, seed) for rate in rates for seed in tuning], with_weights=False)
        return _best_learning_rate(runs, rates, recipe)

    best = tune()
    if recipe.extend_grid and _edge(best, rates) != "inside":
        rates.append(_beyond(best, rates))
        log.info(f"n_train {task.n_train}: {best:g} is at the edge of the grid, {rates[-1]:g} is tried, too")
        tune()
    # The chosen rate may change when it diverges for another seed.
    chosen: list[Run] = []
    while len(chosen) < len(recipe.seeds):
        best = _best_learning_rate(runs, rates, recipe)
        train_missing([(best, seed) for seed in recipe.seeds], with_weights=True)
        of_best = [runs[best, seed] for seed in recipe.seeds]
        chosen = [run for run in of_best if len(rates) == 1 or not run.diverged]
    chosen = [_as_diverged(run, task) if run.diverged else run for run in chosen]
    runs |= {(run.learning_rate, run.seed): run for run in chosen}
    edge = _edge(best, rates)
    if edge != "inside":
        log.warning(
            f"n_train {task.n_train}: the best learning rate, {best:g}, is the {edge} end of its grid"
        )
    all_runs = [runs[rate, seed] for rate in rates for seed in recipe.seeds if (rate, seed) in runs]
    return Cell(task.architecture, task.channels, rates, best, edge, chosen, all_runs)


def _scores(runs: dict[Trial, Run], rates: list[float], recipe: Recipe) -> dict[float, float]:
    """Validation error by learning rate, mean over the tuning seeds, of the rates for which all of them have run;
    infinite where any seed diverged."""
    tuning = recipe.seeds[: recipe.num_tuning_seeds]
    scores = {}
    for rate in rates:
        if all((rate, seed) in runs for seed in tuning):
            diverged = any((rate, seed) in runs and runs[rate, seed].diverged for seed in recipe.seeds)
            mean = sum(runs[rate, seed].validation_error for seed in tuning) / len(tuning)
            scores[rate] = math.inf if diverged else mean
    return scores


def _keep_best_weights(runs: dict[Trial, Run], rates: list[float], recipe: Recipe) -> None:
    """Forget the weights at all rates that have lost, so that memory holds one set."""
    scores = _scores(runs, rates, recipe)
    best = min(scores.values(), default=math.inf)
    for run in runs.values():
        if scores.get(run.learning_rate, best) > best:
            run.best = None


def _best_learning_rate(runs: dict[Trial, Run], rates: list[float], recipe: Recipe) -> float:
    scores = _scores(runs, rates, recipe)
    best = min(scores, key=scores.__getitem__)
    if math.isinf(scores[best]) and len(rates) > 1:
        diverged = ", ".join(
            f"lr {run.learning_rate:g} seed {run.seed}" for run in runs.values() if run.diverged
        )
        raise RuntimeError(
            f"every learning rate diverged ({diverged}); expected one of the recipe's learning_rates "
            f"{rates} to train to the end for all seeds: add smaller ones"
        )
    return best


def _as_diverged(run: Run, task: Task) -> Run:
    """A run that diverged, as a result: its errors are infinite, whatever was best before, and its weights are no
    numbers, so that it predicts none."""
    log.warning(
        f"n_train {task.n_train}: lr {run.learning_rate:g}, seed {run.seed} diverged, which is its result"
    )
    operator = task.operator(run.seed, task.examples(run.seed))
    weights = operator.model.state_dict()
    return replace(
        run,
        references=operator.references,  # a run that was known before may have none
        best={name: torch.full_like(value, math.nan) for name, value in weights.items()},
        best_step=-1,
        validation_loss=math.inf,
        validation_error=math.inf,
    )


def _beyond(best: float, rates: list[float]) -> float:
    """One step beyond the end of the grid that ``best`` is, as far as the grid's last step there."""
    ordered = sorted(rates)
    neighbour = ordered[1] if best == ordered[0] else ordered[-2]
    return best * best / neighbour


def _edge(best: float, learning_rates: list[float]) -> str:
    if len(learning_rates) == 1:
        return "inside"
    return {min(learning_rates): "low", max(learning_rates): "high"}.get(best, "inside")
