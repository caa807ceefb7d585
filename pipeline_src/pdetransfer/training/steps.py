"""One optimiser step, of one run or of several that are trained together."""

import inspect
import logging
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pdetransfer.models import mixers, transforms
from pdetransfer.models.frames import Targets, WindowInputs
from pdetransfer.models.operators import Inputs
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.evaluation import OBJECTIVES
from pdetransfer.training.noise import Noise

log = logging.getLogger(__name__)

Forward = Callable[[Tensor, Tensor], Tensor]


class Adam(torch.optim.Adam):
    """PyTorch's Adam, which does not import the compiler.

    PyTorch wraps these methods to keep the compiler out of them, and the wrappers import it, which takes longer
    than PyTorch itself. As models are compiled and steps never, the methods within do; a step's needs no_grad.
    """

    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    state_dict = inspect.unwrap(torch.optim.Adam.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Adam.load_state_dict)
    zero_grad = inspect.unwrap(torch.optim.Adam.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class Step:
    """A step of a run: its loss, the recipe's ``objective``, mean over the batch, the gradient, cut to the
    recipe's ``clip``, and Adam. With ``residuals``, a function of fields and outputs, the loss is the weighted
    sum of both; with ``noise``, that is added to the fields.

    The batch passes through the model ``micro_batch`` examples at a time. With ``compiled``, all but a last,
    smaller part take a compiled model; where compiling fails, the log says so and none does. In a group of
    processes (``torch.distributed``), each takes its share of every batch (``share_of``); all have the same loss
    and gradient.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        inputs: Inputs | WindowInputs,
        targets: Tensor | Targets,
        recipe: Recipe,
        micro_batch: int,
        compiled: bool,
        residuals: Callable[[Tensor, Tensor], Tensor] | None = None,
        noise: Noise | None = None,
    ):
        self._residuals, self._noise = residuals, noise
        self._optimiser, self._inputs, self._targets = optimiser, inputs, targets
        self._recipe, self._micro_batch = recipe, micro_batch
        self._model = model
        self._compiled: Forward | None = compile_model(model) if compiled else None
        self.falls_back = False  #: whether compiling has failed

    def __call__(self, rows: Tensor) -> Tensor:
        """The loss at the batch ``rows``, before the step."""
        self._optimiser.zero_grad(set_to_none=True)
        try:
            loss = self._gradient(rows)
        except Exception as error:
            if self._compiled is None:
                raise
            log.warning(f"the model cannot be compiled, and trains without: {_first_line(error)}")
            self._compiled, self.falls_back = None, True
            self._optimiser.zero_grad(set_to_none=True)
            loss = self._gradient(rows)
        _clip(self._model, self._recipe)
        self._optimiser.step()
        if self._noise is not None:
            self._noise.next_step()
        return loss

    def _gradient(self, rows: Tensor) -> Tensor:
        rank, world = _rank_and_world()
        loss = torch.zeros((), device=rows.device)
        parts = rows[rank::world].split(self._micro_batch)
        positions = range(rank, len(rows), world)
        if self._compiled is not None and len(parts) > 1:
            # Memory to add up in, as a CUDA graph's own gradients are overwritten when it runs again.
            for parameter in self._model.parameters():
                parameter.grad = torch.zeros_like(parameter)
        for number, part in enumerate(parts):
            is_whole = len(part) == self._micro_batch
            forward = self._compiled if self._compiled is not None and is_whole else self._model
            fields, constants = self._inputs.batch(part)
            if self._noise is not None:
                first = number * self._micro_batch
                fields = self._noise.added(fields, positions[first : first + len(part)])
            with torch.autocast(rows.device.type, torch.bfloat16, self._recipe.precision == "bfloat16"):
                outputs = forward(fields, constants)
            losses = OBJECTIVES[self._recipe.objective](outputs.float(), self._targets[part])
            if self._residuals is not None:
                residuals = self._residuals(fields, outputs.float())
                losses = self._recipe.data_weight * losses + self._recipe.equation_weight * residuals
            of_part = losses.sum() / len(rows)
            of_part.backward()
            loss += of_part.detach()
        if world > 1:
            for summed in (loss, *(parameter.grad for parameter in self._model.parameters())):
                dist.all_reduce(summed)
        return loss


class StepTogether:
    """A step of several runs, each with its own model, optimiser and batch: one batched model, whose weights are
    stacked anew in each step, so that a run is the same whether it is trained alone or with others."""

    def __init__(
        self,
        models: list[nn.Module],
        optimisers: list[torch.optim.Optimizer],
        inputs: list[Inputs],
        targets: list[Tensor],
        recipe: Recipe,
    ):
        self._models, self._optimisers, self._inputs, self._targets = models, optimisers, inputs, targets
        self._recipe = recipe
        self._forward = torch.func.vmap(self._one)

    def _one(self, weights: dict[str, Tensor], fields: Tensor, constants: Tensor) -> Tensor:
        return torch.func.functional_call(self._models[0], weights, (fields, constants))

    def __call__(self, rows: list[Tensor]) -> Tensor:
        """The loss of each run at its batch, before the step."""
        for optimiser in self._optimisers:
            optimiser.zero_grad(set_to_none=True)
        parameters = [dict(model.named_parameters()) for model in self._models]
        weights = {name: torch.stack([of[name] for of in parameters]) for name in parameters[0]}
        batches = [inputs.batch(part) for inputs, part in zip(self._inputs, rows, strict=True)]
        targets = torch.stack([target[part] for target, part in zip(self._targets, rows, strict=True)])
        with torch.autocast(targets.device.type, torch.bfloat16, self._recipe.precision == "bfloat16"):
            outputs = self._forward(weights, *(torch.stack(part) for part in zip(*batches, strict=True)))
        objective = OBJECTIVES[self._recipe.objective]
        errors = objective(outputs.float().flatten(0, 1), targets.flatten(0, 1))
        losses = errors.view(len(rows), -1).mean(dim=1)
        losses.sum().backward()
        for model, optimiser in zip(self._models, self._optimisers, strict=True):
            _clip(model, self._recipe)
            optimiser.step()
        return losses.detach()


def _clip(model: nn.Module, recipe: Recipe) -> None:
    """Cut each element of the gradient to the recipe's largest absolute value, if it has one."""
    if recipe.clip is not None:
        nn.utils.clip_grad_value_(model.parameters(), recipe.clip)


def compile_model(model: nn.Module) -> Forward:
    """``model`` by torch.compile, for a single shape; on a GPU with CUDA graphs."""
    # Said here, as saying it imports the compiler, which takes longer than PyTorch itself.
    for constants in (transforms.matrices, mixers.matrices):
        torch.compiler.assume_constant_result(constants)
    on_gpu = next(model.parameters()).is_cuda
    return torch.compile(model, dynamic=False, mode="reduce-overhead" if on_gpu else None)


def share_of(batch_size: int) -> int:
    """Examples of a batch that each of the processes which train a run takes, at most."""
    return -(-batch_size // _rank_and_world()[1])


def _rank_and_world() -> tuple[int, int]:
    """Rank of this process among those that train a run, and their number."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
