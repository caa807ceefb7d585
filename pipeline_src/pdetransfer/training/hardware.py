"""What a job trains on, and how a step is cut to fit it."""

import resource
from dataclasses import dataclass

import torch

from pdetransfer.models.operators import NeuralOperator

_CACHED = 2**21  # bytes of an activation that a processor keeps near a core
_KEPT = 2**29  # bytes of an activation that is kept for the gradient; larger ones are computed again
_RESIDENT = 2**32  # bytes of an activation in all layers, of which a GPU of 40 GB then holds a whole step
_LAUNCH_BOUND = 2**23  # bytes of an activation up to which a GPU waits for its kernels to be launched
_TOGETHER = 16  # runs that are then trained at once, at most


@dataclass(frozen=True)
class Hardware:
    """``num_devices`` devices of the kind of ``device``. A step is compiled for runs of at least ``compile_from``
    steps, and never if that is 0: compiling takes half a minute or more.

    Raises RuntimeError if there are not as many GPUs as asked for.
    """

    device: torch.device
    num_devices: int = 1
    compile_from: int = 0

    def __post_init__(self) -> None:
        found = torch.cuda.device_count()
        if self.device.type == "cuda" and found < self.num_devices:
            raise RuntimeError(f"num_devices is {self.num_devices}; expected at most {found}, the GPUs found")

    @classmethod
    def of(cls, device: str, threads: int, num_devices: int = 1, compile_from: int = 0) -> "Hardware":
        """The hardware that config's ``device`` names; ``threads`` of the processor are used, no more.

        Raises RuntimeError if "cuda" is asked for and there is none.
        """
        torch.set_num_threads(threads)
        available = torch.cuda.is_available()
        if device == "cuda" and not available:
            raise RuntimeError(
                "device is 'cuda', but PyTorch finds no CUDA device; expected one, or 'cpu' or 'auto'"
            )
        kind = "cuda" if available and device != "cpu" else "cpu"
        return cls(torch.device(kind), num_devices if kind == "cuda" else 1, compile_from)

    @property
    def name(self) -> str:
        return torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu"

    def compiles(self, num_steps: int) -> bool:
        return 0 < self.compile_from <= num_steps

    def micro_batch(self, operator: NeuralOperator, num_points: int, batch_size: int) -> int:
        """Examples of a batch that pass through the model at once: gradients of the others are added.

        On a processor, as many as have an activation that stays in the cache, or one as large as the weights
        that each pass reads; on a GPU, as many as fit its memory.
        """
        activation = _activation(operator, num_points, batch_size)
        if self.device.type == "cpu":
            largest = max(parameter.nbytes for parameter in operator.model.parameters())
            parts = -(-activation // max(_CACHED, largest))
        else:
            parts = -(-activation * operator.architecture["num_layers"] // _RESIDENT)
        return -(-batch_size // min(parts, batch_size))

    def recomputes(self, operator: NeuralOperator, num_points: int, batch_size: int) -> bool:
        """Whether the gradient of a batch computes activations again instead of keeping them. That takes less
        memory; a small model's steps take a third longer on a processor, those of the largest no longer
        (``benchmarks/memory.py``)."""
        return _activation(operator, num_points, batch_size) > _KEPT

    def runs_at_once(self, operator: NeuralOperator, num_points: int, batch_size: int, num_steps: int) -> int:
        """Runs of a cell that are trained as one batched model (``benchmarks/cell.py``): one on a processor, where
        two together take as long as one after the other, and where steps are compiled, which saves a GPU more
        of its waiting; else several of the smallest."""
        if self.device.type == "cpu" or self.compiles(num_steps):
            return 1
        return _TOGETHER if _activation(operator, num_points, batch_size) <= _LAUNCH_BOUND else 1

    def peak_memory_mb(self) -> float:
        """Largest memory so far: of the GPU, or of this process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e6
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _activation(operator: NeuralOperator, num_points: int, batch_size: int) -> int:
    """Bytes of the largest activation of a batch; ``num_points`` is that of the whole grid."""
    sizes = operator.architecture
    channels = sizes["width"]
    if "patch" in sizes:  # a token has the width, a point what the head has
        channels = max(channels / sizes["patch"] ** 2, sizes["readout_width"])
    return int(4 * batch_size * num_points * channels)
