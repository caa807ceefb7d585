"""Examples in memory, and the references of their normalisation."""

from dataclasses import dataclass, replace

import numpy as np


def source_rms(fields: np.ndarray) -> np.ndarray:
    """Root mean square of each example's input fields, ``(count,)``, of ``(count, num_fields, *grid)``."""
    flat = fields.reshape(len(fields), -1)
    return np.sqrt(np.einsum("ij,ij->i", flat, flat, dtype=np.float64) / flat.shape[1])


def unit(channel: str) -> str:
    """The reference of a channel that is divided by its unit."""
    return f"unit of {channel}"


@dataclass(frozen=True)
class Examples:
    """Examples in memory: ``fields`` and ``outputs`` ``(count, channel, *grid)``, float32, and
    ``coefficients`` ``(count, num_coefficients)``, float64, with the names of all three. A coefficient
    that an example's system lacks is NaN. ``own_units`` are those of a user's file, or of a system whose fields
    have a scale, in which a field may have any size; other generated fields are of order one. ``system`` is
    a name in SYSTEMS, if all examples are of one."""

    fields: np.ndarray
    coefficients: np.ndarray
    outputs: np.ndarray
    field_names: tuple[str, ...]
    coefficient_names: tuple[str, ...]
    output_names: tuple[str, ...]
    own_units: bool = False
    system: str | None = None

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def grid(self) -> tuple[int, ...]:
        return self.fields.shape[2:]

    def __getitem__(self, rows: slice | np.ndarray) -> "Examples":
        return replace(
            self,
            fields=self.fields[rows],
            coefficients=self.coefficients[rows],
            outputs=self.outputs[rows],
        )

    def references(self) -> dict[str, float]:
        """Constants of the input normalisation (arXiv 2306.00258, A.5), by channel.

        ``source`` is the median of the examples' source RMS (RMS rather than norm, so that it survives a
        change of resolution), a coefficient's reference the median of its absolute value over the examples
        whose system has it. Fields and outputs in units of their own have these, too: the medians of their RMS, by
        which they are of order one. All are 1 where that is zero, as of trajectories that start at rest.
        """
        source = _typical(source_rms(self.fields))
        references = {"source": source} | {
            name: _typical(np.abs(values))
            for name, values in zip(self.coefficient_names, self.coefficients.T, strict=True)
        }
        if self.own_units:
            references |= {unit(name): source for name in self.field_names}
            references |= {
                unit(name): _typical(source_rms(self.outputs[:, index]))
                for index, name in enumerate(self.output_names)
            }
        return references


def _typical(sizes: np.ndarray) -> float:
    """The median of those there are, 1 if it is zero."""
    median = float(np.nanmedian(sizes))
    return median if median > 0 else 1.0
