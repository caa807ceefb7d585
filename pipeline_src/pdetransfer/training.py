"""One readable loop for every run: pre-training, fine-tuning, from scratch."""

import copy
import itertools
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pdetransfer.datasets import Examples
from pdetransfer.evaluation import relative_l2, squared_error
from pdetransfer.operators import Channels, Inputs, NeuralOperator
from pdetransfer.state import Run, State, Unfinished

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a cell is trained; the keys of config's ``recipes`` section, with the arm's learning rates.

    ``length`` and ``validation_interval`` count ``length_unit``, "epochs" or "steps". The batch size is
    min(``batch_size``, n_train); a last, smaller batch of an epoch is used. Training examples are the first
    n of the dataset, or with ``subset_by_seed`` the first n of a permutation of it that the seed chooses. The
    first ``num_tuning_seeds`` seeds try every learning rate; the others train with the chosen one. With
    ``validation_at_most_n``, no more validation examples are looked at than are trained on.
    """

    learning_rates: list[float]
    seeds: list[int]
    num_tuning_seeds: int
    batch_size: int
    length: int
    length_unit: str
    validation_interval: int
    num_validation: int
    validation_at_most_n: bool
    subset_by_seed: bool

    def steps_per_unit(self, n_train: int) -> int:
        return math.ceil(n_train / self.batch_size) if self.length_unit == "epochs" else 1


@dataclass(frozen=True)
class Cell:
    """A trained cell: the chosen learning rate with a run for each seed, and all runs."""

    architecture: dict
    channels: Channels
    learning_rate: float
    edge: str  #: "low" or "high" if the chosen rate is the smallest or largest that was tried, else "inside"
    chosen: list[Run]
    runs: list[Run]


def train_cell(
    architecture: dict,
    recipe: Recipe,
    n_train: int,
    train: Examples,
    validation: Examples,
    init: NeuralOperator | None,
    device: torch.device,
    known: list[Run] = (),
    unfinished: Unfinished | None = None,
) -> Cell:
    """Train the runs of a cell; choose the learning rate by validation error, mean over the tuning seeds.

    ``init`` None trains from scratch: weights drawn by the seed, references computed from the cell's own
    examples. A pre-trained ``init`` is fine-tuned: its channels and references are kept, and its initial
    weights are a candidate for the best ones. A run that diverges (loss not finite) is recorded as such and
    its learning rate loses. Raises RuntimeError if no learning rate is left.

    ``train`` holds the examples to choose ``n_train`` from, ``validation`` those to look at. Of the runs in
    ``known``, which were trained before with the same settings, none is trained again, unless the weights of a
    chosen one have not been kept. ``unfinished`` keeps what is reached, and what was reached before a kill.
    """
    channels = Channels.of(train) if init is None else init.channels
    runs = {(run.learning_rate, run.seed): run for run in known}
    validation = validation[
        : min(recipe.num_validation, n_train if recipe.validation_at_most_n else len(validation))
    ]

    def train_seeds(learning_rate: float, seeds: list[int], with_weights: bool) -> None:
        for seed in seeds:
            run = runs.get((learning_rate, seed))
            if run is None or (with_weights and run.best is None and not run.diverged):
                label = f"n_train {n_train}, lr {learning_rate:g}, seed {seed}"
                examples = _subset(train, n_train, seed, recipe.subset_by_seed)
                operator = (
                    NeuralOperator(architecture, channels, examples.references(), seed)
                    if init is None
                    else copy.deepcopy(init)
                )
                run = runs[learning_rate, seed] = Run(learning_rate, seed, operator.references)
                train_run(
                    run, operator, examples, validation, recipe, init is not None, device, label, unfinished
                )
        _keep_best_weights(runs, recipe)

    for learning_rate in recipe.learning_rates:
        train_seeds(learning_rate, recipe.seeds[: recipe.num_tuning_seeds], with_weights=False)
    # The chosen rate may change when it diverges for another seed.
    chosen: list[Run] = []
    while len(chosen) < len(recipe.seeds):
        best = _best_learning_rate(runs, recipe)
        train_seeds(best, recipe.seeds, with_weights=True)
        chosen = [runs[best, seed] for seed in recipe.seeds if not runs[best, seed].diverged]
    edge = _edge(best, recipe.learning_rates)
    if edge != "inside":
        log.warning(f"n_train {n_train}: the best learning rate, {best:g}, is the {edge} end of its grid")
    wanted = [(rate, seed) for rate in recipe.learning_rates for seed in recipe.seeds]
    return Cell(architecture, channels, best, edge, chosen, [runs[key] for key in wanted if key in runs])


def train_run(
    run: Run,
    operator: NeuralOperator,
    train: Examples,
    validation: Examples,
    recipe: Recipe,
    initial_is_candidate: bool,
    device: torch.device,
    label: str,
    unfinished: Unfinished | None = None,
) -> None:
    """Train ``operator`` on all of ``train`` and fill in ``run``; go on where it was, if it was begun before.

    Adam without weight decay, cosine decay to zero over the run, loss = Σ over the grid of (u - u₀)², mean
    over the batch (arXiv 2306.00258, A.3 and A.4). The order of examples is drawn by the seed alone, so
    that runs that differ in their learning rate see the same batches.
    """
    operator.model.to(device)
    inputs, targets = operator.inputs(train, device), torch.from_numpy(train.outputs).to(device)
    looks = _Validation(operator, validation, device)
    per_unit = recipe.steps_per_unit(len(train))
    num_steps, interval = recipe.length * per_unit, recipe.validation_interval * per_unit
    optimiser = torch.optim.Adam(operator.model.parameters(), lr=run.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=num_steps)
    state = State(run, operator.model, optimiser, schedule, loss_sum=torch.zeros((), device=device))
    if unfinished is None or not unfinished.resume(state):
        looks.take(run, operator, math.nan, run.learning_rate, initial_is_candidate)
    batches = _batches(len(train), recipe.batch_size, torch.Generator().manual_seed(run.seed))
    batches = itertools.islice(batches, run.steps, None)
    start = time.perf_counter() - run.seconds
    for step in range(run.steps + 1, num_steps + 1):
        rows = next(batches).to(device)
        loss = _train_step(operator, optimiser, inputs, targets, rows)
        schedule.step()
        state.loss_sum += loss * len(rows)  # read only at a look: reading waits for the device
        state.seen, state.since_look = state.seen + len(rows), state.since_look + len(rows)
        run.steps, run.epochs, run.seconds = step, state.seen / len(train), time.perf_counter() - start
        if step % interval == 0 or step == num_steps:
            rate = schedule.get_last_lr()[0]
            looks.take(run, operator, float(state.loss_sum) / state.since_look, rate, True)
            state.loss_sum, state.since_look = torch.zeros((), device=device), 0
            run.seconds = time.perf_counter() - start
            _report(run, label, num_steps, len(train))
            if run.diverged:
                break
        if unfinished is not None and step < num_steps:
            unfinished.step(state)
    if unfinished is not None:
        unfinished.done(run)


def _train_step(
    operator: NeuralOperator,
    optimiser: torch.optim.Optimizer,
    inputs: Inputs,
    targets: Tensor,
    rows: Tensor,
) -> Tensor:
    operator.model.train()
    optimiser.zero_grad(set_to_none=True)
    loss = squared_error(operator.model(inputs.batch(rows)), targets[rows]).mean()
    loss.backward()
    optimiser.step()
    return loss.detach()


class _Validation:
    """Looks at the validation examples during a run."""

    def __init__(self, operator: NeuralOperator, examples: Examples, device: torch.device):
        self.inputs = operator.inputs(examples, device)
        self.targets = torch.from_numpy(examples.outputs).to(device)

    def take(
        self, run: Run, operator: NeuralOperator, train_loss: float, rate: float, is_candidate: bool
    ) -> None:
        """Add a row to the history; keep the weights if they are a candidate and the best so far."""
        outputs = operator.apply(self.inputs)
        loss = float(squared_error(outputs, self.targets).mean())
        error = float(relative_l2(outputs, self.targets).mean())
        run.history.append(
            {
                "step": run.steps,
                "epoch": run.epochs,
                "learning_rate_now": rate,
                "train_loss": train_loss,
                "validation_loss": loss,
                "validation_error": error,
            }
        )
        run.diverged = not math.isfinite(loss) or (run.steps > 0 and not math.isfinite(train_loss))
        if is_candidate and not run.diverged and loss < run.validation_loss:
            run.validation_loss, run.validation_error, run.best_step = loss, error, run.steps
            state = operator.model.state_dict()
            run.best = {name: value.detach().clone() for name, value in state.items()}


def _subset(train: Examples, n_train: int, seed: int, by_seed: bool) -> Examples:
    """The first n examples, or the first n of the permutation that the seed chooses: nested either way."""
    if not by_seed:
        return train[:n_train]
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    return train[order[:n_train].numpy()]


def _batches(count: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows of each batch, epoch after epoch, every epoch in a new order."""
    while True:
        yield from torch.randperm(count, generator=generator).split(batch_size)


def _scores(runs: dict[tuple[float, int], Run], recipe: Recipe) -> dict[float, float]:
    """Validation error by learning rate, mean over the tuning seeds that have run; infinite where any seed
    diverged."""
    scores = {}
    for rate in recipe.learning_rates:
        tried = [runs[rate, seed] for seed in recipe.seeds if (rate, seed) in runs]
        tuning = [
            run.validation_error for run in tried if run.seed in recipe.seeds[: recipe.num_tuning_seeds]
        ]
        if tuning:
            diverged = any(run.diverged for run in tried)
            scores[rate] = math.inf if diverged else sum(tuning) / len(tuning)
    return scores


def _keep_best_weights(runs: dict[tuple[float, int], Run], recipe: Recipe) -> None:
    """Forget the weights of all but the best learning rate so far, so that memory holds one set."""
    scores = _scores(runs, recipe)
    best = min(scores, key=scores.__getitem__)
    for run in runs.values():
        if run.learning_rate != best:
            run.best = None


def _best_learning_rate(runs: dict[tuple[float, int], Run], recipe: Recipe) -> float:
    scores = _scores(runs, recipe)
    best = min(scores, key=scores.__getitem__)
    if math.isinf(scores[best]):
        diverged = ", ".join(
            f"lr {run.learning_rate:g} seed {run.seed}" for run in runs.values() if run.diverged
        )
        raise RuntimeError(
            f"every learning rate diverged ({diverged}); expected one of the recipe's learning_rates "
            f"{recipe.learning_rates} to train to the end for all seeds: add smaller ones"
        )
    return best


def _edge(best: float, learning_rates: list[float]) -> str:
    if len(learning_rates) == 1:
        return "inside"
    return {min(learning_rates): "low", max(learning_rates): "high"}.get(best, "inside")


def _report(run: Run, label: str, num_steps: int, n_train: int) -> None:
    last = run.history[-1]
    left = run.seconds / run.steps * (num_steps - run.steps)
    log.info(
        f"{label}: epoch {run.epochs:.4g}, step {run.steps} of {num_steps}, "
        f"train loss {last['train_loss']:.3e}, validation loss {last['validation_loss']:.3e}, "
        f"error {last['validation_error']:.4f}, rate {last['learning_rate_now']:.1e}, "
        f"{run.epochs * n_train / run.seconds:.0f} examples/s, {left:.0f} s left"
        + (", diverged" if run.diverged else "")
    )
