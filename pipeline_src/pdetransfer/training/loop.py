"""One readable loop for every run: pre-training, fine-tuning, from scratch."""

import copy
import functools
import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pdetransfer.data.examples import Examples
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.windows import Windows
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.evaluation import OBJECTIVES, relative_l2
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.noise import Noise
from pdetransfer.training.schedules import schedule
from pdetransfer.training.state import Run, State, Trial, Unfinished
from pdetransfer.training.steps import Adam, Step, StepTogether, share_of

log = logging.getLogger(__name__)

# Rows whose order goes to a device at once, or those of an epoch if it has more: each time waits for the device.
_ORDERED = 2**13


@dataclass(frozen=True)
class Task:
    """What all runs of a cell share. ``train`` holds the examples to choose ``n_train`` from, ``validation`` those
    to validate on.

    ``init`` None trains from scratch: weights drawn by the seed, references computed from the run's own
    examples. A pre-trained ``init`` is fine-tuned: its channels and references are kept, and its initial
    weights are a candidate for the best ones. ``probabilities`` are those of the datasets of a mixture of
    trajectories; without, every example has the same.
    """

    architecture: dict
    recipe: Recipe
    n_train: int
    train: Examples | Windows
    validation: Examples | Windows
    init: NeuralOperator | None = None
    probabilities: list[float] | None = None

    @property
    def channels(self) -> Channels:
        return Channels.of(self.train, self.architecture) if self.init is None else self.init.channels

    def examples(self, seed: int) -> Examples | Windows:
        """What a run trains on: the first n examples, or the first n of the permutation that the seed chooses;
        nested either way."""
        if not self.recipe.subset_by_seed:
            return self.train[: self.n_train]
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(seed))
        return self.train[order[: self.n_train].numpy()]

    def validation_examples(self) -> Examples | Windows:
        """What a run is validated on."""
        most = self.n_train if self.recipe.validation_at_most_n else len(self.validation)
        return self.validation[: min(self.recipe.num_validation, most)]

    def sampling_weights(self, examples: Examples | Windows) -> Tensor | None:
        """How often each example is drawn, relative to others; None where all are taken in turn."""
        if self.probabilities is None:
            return None
        counts = np.bincount(examples.part, minlength=len(self.probabilities))
        return torch.from_numpy((np.array(self.probabilities) / np.maximum(counts, 1))[examples.part])

    def operator(self, seed: int, examples: Examples | Windows) -> NeuralOperator:
        """What a run starts from."""
        if self.init is None:
            return NeuralOperator(self.architecture, self.channels, examples.references(), seed)
        operator = copy.deepcopy(self.init)
        if isinstance(examples, Windows):  # it may have channels that the pre-training has not seen
            operator.references = examples.references() | operator.references
        if self.recipe.fresh_readout:
            untrained = NeuralOperator(self.architecture, self.channels, operator.references, seed)
            operator.model.projection.load_state_dict(untrained.model.projection.state_dict())
        return operator


def train_runs(
    task: Task,
    trials: list[Trial],
    hardware: Hardware,
    unfinished: Unfinished | None = None,
) -> Iterator[Run]:
    """Train the runs of ``trials``, one after another or together, whichever is faster.

    Adam, by default without weight decay and with cosine decay to zero over the run (arXiv 2306.00258, A.3 and
    A.4); a run ends early if it diverges (loss not finite). The order of examples is drawn by the seed alone, so
    that runs that differ in their learning rate see the same batches. ``unfinished`` keeps what is reached, and
    has what was reached before a kill.
    """
    operator = task.operator(0, task.train[: task.n_train])
    size = math.prod(task.train.grid), task.recipe.largest_batch(task.n_train)
    at_once = hardware.runs_at_once(operator, *size, task.recipe.num_steps(task.n_train))
    at_once = 1 if task.recipe.equation_weight or isinstance(task.train, Windows) else at_once
    for first in range(0, len(trials), at_once):
        begun = [_Training(task, *trial, hardware, unfinished) for trial in trials[first : first + at_once]]
        # Runs that a kill left at the same step go on together.
        begun.sort(key=lambda training: training.run.steps)
        for _, together in itertools.groupby(begun, key=lambda training: training.run.steps):
            yield from _train_to_the_end(list(together), task, hardware, unfinished)


def _train_to_the_end(
    begun: list["_Training"], task: Task, hardware: Hardware, unfinished: Unfinished | None
) -> list[Run]:
    num_steps = task.recipe.num_steps(task.n_train)
    interval = task.recipe.steps_between_validations(task.n_train)
    going, step, last = begun, _step(begun, task, hardware), time.perf_counter()
    for number in range(begun[0].run.steps + 1, num_steps + 1):
        rows = [next(training.batches) for training in going]
        for training, of_run, loss in zip(going, rows, step(rows), strict=True):
            training.advance(len(of_run), loss)
        is_validation = number % interval == 0 or number == num_steps
        if is_validation:
            for training in going:
                training.validate()
        now = time.perf_counter()
        for training in going:
            training.run.seconds += (now - last) / len(going)
        last = now
        if is_validation:
            for training in going:
                training.report(num_steps, len(going))
            if any(training.run.diverged for training in going):
                going = [training for training in going if not training.run.diverged]
                if not going:
                    break
                step = _step(going, task, hardware)
        if unfinished is not None and number < num_steps:
            unfinished.step([training.state for training in going])
    for training in begun:
        training.run.memory_mb = hardware.peak_memory_mb()
        if unfinished is not None:
            unfinished.done(training.run)
    return [training.run for training in begun]


def _step(
    trainings: list["_Training"], task: Task, hardware: Hardware
) -> Callable[[list[Tensor]], list[Tensor] | Tensor]:
    """What takes a step of all ``trainings``: a function of the rows of their batches to their losses."""
    first = trainings[0]
    if len(trainings) > 1:
        parts = [(t.operator.model, t.optimiser, t.inputs, t.targets) for t in trainings]
        models, optimisers, inputs, targets = map(list, zip(*parts, strict=True))
        return StepTogether(models, optimisers, inputs, targets, task.recipe)
    model, batch_size = first.operator.model, task.recipe.largest_batch(task.n_train)
    size = first.inputs.num_points, share_of(batch_size)
    micro_batch = hardware.micro_batch(first.operator, *size)
    compiled = hardware.compiles(task.recipe.num_steps(task.n_train))
    model.recompute = hardware.recomputes(first.operator, *size)
    log.info(
        f"n_train {task.n_train}, lr {first.run.learning_rate:g}, seed {first.run.seed}: "
        f"steps of {batch_size} examples, {micro_batch} at once"
        + (", compiled" if compiled else "")
        + (", activations computed again for the gradient" if model.recompute else "")
    )
    residuals, noise = _residuals(first.operator, task), _noise(first, task)
    step = Step(
        model,
        first.optimiser,
        first.inputs,
        first.targets,
        task.recipe,
        micro_batch,
        compiled,
        residuals,
        noise,
    )
    return lambda rows: [step(rows[0])]


def _residuals(operator: NeuralOperator, task: Task) -> Callable[[Tensor, Tensor], Tensor] | None:
    """The residuals of the equation of a task's examples, where its recipe weighs them."""
    if not task.recipe.equation_weight:
        return None
    system = SYSTEMS[task.train.system]
    return functools.partial(operator.equation_residuals, system)


def _noise(training: "_Training", task: Task) -> Noise | None:
    """What is added to the inputs of a run, where its recipe says so."""
    if not task.recipe.noise:
        return None
    num_channels = len(training.operator.channels.fields)
    return Noise(task.recipe.noise, training.run.seed, num_channels, training.run.steps)


class _Training:
    """A run in progress, with all that it trains on."""

    def __init__(self, task: Task, rate: float, seed: int, hardware: Hardware, unfinished: Unfinished | None):
        device, recipe = hardware.device, task.recipe
        examples = task.examples(seed)
        self.operator = task.operator(seed, examples)
        self.run = Run(rate, seed, self.operator.references)
        self.operator.model.to(device)
        self.inputs, self.targets = self.operator.samples(examples, device)
        self._num_examples = len(examples)
        self._validator = _Validator(self.operator, task.validation_examples(), recipe.objective, device)
        groups = self.operator.parameter_groups(rate)
        self.optimiser = Adam(
            groups, betas=recipe.betas, eps=recipe.epsilon, weight_decay=recipe.weight_decay, fused=True
        )
        self._schedule = schedule(self.optimiser, recipe, task.n_train)
        loss_sum = torch.zeros((), device=device)
        self.state = State(self.run, self.operator.model, self.optimiser, self._schedule, loss_sum)
        if unfinished is None or not unfinished.resume(self.state):
            self._validator.validate(
                self.run, self.operator, math.nan, rate, is_candidate=task.init is not None
            )
        self.operator.model.train()
        drawn = batches(len(examples), recipe.batch_size, seed, device, task.sampling_weights(examples))
        self.batches = itertools.islice(self.inputs.drawn(drawn, seed), self.run.steps, None)

    def advance(self, count: int, loss: Tensor) -> None:
        """After a step on ``count`` examples. Only a validation reads the loss: reading waits for the device."""
        self._schedule.step()
        state = self.state
        state.loss_sum += loss * count
        state.seen, state.since_validation = state.seen + count, state.since_validation + count
        self.run.steps, self.run.epochs = self.run.steps + 1, state.seen / self._num_examples

    def validate(self) -> None:
        state, rate = self.state, float(self._schedule.get_last_lr()[0])
        train_loss = float(state.loss_sum) / state.since_validation
        self._validator.validate(self.run, self.operator, train_loss, rate, is_candidate=True)
        self.operator.model.train()
        state.loss_sum, state.since_validation = torch.zeros_like(state.loss_sum), 0

    def report(self, num_steps: int, num_together: int) -> None:
        run, last = self.run, self.run.history[-1]
        left = num_together * run.seconds / run.steps * (num_steps - run.steps)
        log.info(
            f"n_train {self._num_examples}, lr {run.learning_rate:g}, seed {run.seed}: "
            f"epoch {run.epochs:.4g}, step {run.steps} of {num_steps}, "
            f"train loss {last['train_loss']:.3e}, validation loss {last['validation_loss']:.3e}, "
            f"error {last['validation_error']:.4f}, rate {last['learning_rate_now']:.1e}, "
            f"{self.state.seen / run.seconds:.0f} examples/s, {left:.0f} s left"
            + (", diverged" if run.diverged else "")
        )


class _Validator:
    """The validations of a run."""

    def __init__(
        self, operator: NeuralOperator, examples: Examples | Windows, objective: str, device: torch.device
    ):
        self._objective = OBJECTIVES[objective]
        self._inputs, targets = operator.samples(examples, device)
        self._numbers = self._inputs.validated
        self._targets = targets[self._numbers]

    def validate(
        self, run: Run, operator: NeuralOperator, train_loss: float, rate: float, is_candidate: bool
    ) -> None:
        """Add a row to the history; keep the weights if they are a candidate and the best so far."""
        outputs = operator.apply(self._inputs, self._numbers)
        loss = float(self._objective(outputs, self._targets).mean())
        error = float(relative_l2(outputs, self._targets).mean())
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
            weights = operator.model.state_dict()
            run.best = {name: value.detach().clone() for name, value in weights.items()}


def batches(
    count: int, batch_size: int, seed: int, device: torch.device, weights: Tensor | None = None
) -> Iterator[Tensor]:
    """Rows of each batch, epoch after epoch, every epoch in a new order; with ``weights``, ``(count,)``, each row
    is drawn with a probability that is proportional to its own."""
    generator = torch.Generator().manual_seed(seed)
    at_once = max(1, _ORDERED // count)

    def order() -> Tensor:
        if weights is None:
            return torch.randperm(count, generator=generator)
        return torch.multinomial(weights, count, replacement=True, generator=generator)

    while True:
        orders = torch.stack([order() for _ in range(at_once)])
        for rows in orders.to(device):
            yield from rows.split(batch_size)
