"""What every system has: what its examples are, and how they are made from random numbers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pdetransfer.data.grid import points
from pdetransfer.data.sources import SparseGaussians


@dataclass(frozen=True)
class Made:
    """Examples as a system makes them, in float64: ``arrays`` by name as they are stored, which are its fields and
    outputs ``(count, *grid)``, ``coefficients`` ``(count, num_coefficients)``, physics ``parameters``
    ``(count, num_parameters)`` and ``drawn_arrays``; relative ``residual`` ``(count,)``; and which of them are
    ``accepted``: the others are drawn again."""

    arrays: dict[str, np.ndarray]
    residual: np.ndarray
    accepted: np.ndarray


class AbstractSystem(ABC):
    """A family of equations: fields and coefficients c that an example is given by, outputs that solve it.

    A subclass gives the class variables, and a constructor whose keyword arguments are keys of config's
    ``datasets`` entries: closed intervals that physics parameters are drawn from, and named options.
    """

    title: ClassVar[str]  #: what people call it, in tables and figures
    equation: ClassVar[str]  #: the equation that is solved
    fields: ClassVar[tuple[str, ...]] = ("source",)
    outputs: ClassVar[tuple[str, ...]] = ("solution",)
    field_units: ClassVar[dict[str, str]] = {"source": "1", "solution": "1"}  #: of fields and outputs
    axes: ClassVar[tuple[str, ...]] = ("y", "x")  #: x is the last one
    periodic: ClassVar[bool] = True  #: else points are nodes, those of the boundary included
    coefficient_names: ClassVar[tuple[str, ...]]  #: c, in the order of the last axis of ``coefficients``
    coefficient_units: ClassVar[str]  #: units of c
    #: columns of the public code of arXiv 2306.00258, with the coefficients that each is, where they are not c
    public_columns: ClassVar[dict[str, tuple[str, ...]]] = {}
    parameter_names: ClassVar[tuple[str, ...]]  #: physics parameters, in the order of ``parameters``
    shifted: ClassVar[str | None]  #: the parameter whose range tells datasets of a study apart
    symbols: ClassVar[dict[str, str]] = {}  #: letters of parameters, for figures
    has_source: ClassVar[bool] = False  #: examples have sources of the law that config's ``source`` gives
    #: multiplying the fields and coefficients of an example by a number leaves its outputs as they are, so that
    #: inputs may be normalised example by example (arXiv 2306.00258, A.5)
    scale_free: ClassVar[bool] = False
    largest_residual: float = 1e-10  #: of any stored example, in float64 before rounding
    redrawn: ClassVar[slice] = slice(None)  #: which uniforms are drawn anew for a refused example
    reads_files: ClassVar[bool] = False  #: users' files may be of it
    options_of_files: ClassVar[tuple[str, ...]] = ()  #: options that a user's file is checked with
    #: options that a user's file says itself, with values for a check before it is read
    said_by_files: ClassVar[dict[str, Any]] = {}
    deviation_is: ClassVar[str]  #: what ``deviation`` is, in words

    @abstractmethod
    def uniforms_of_example(self, law: SparseGaussians | None) -> int:
        """Uniforms that one example takes."""

    @abstractmethod
    def make(self, uniforms: np.ndarray, law: SparseGaussians | None, num_points: int) -> Made:
        """Examples from uniforms in [0, 1), ``(count, uniforms_of_example)``, with sources of a ``law`` where the
        system has some. Each is the same to the last bit, whatever it is made with."""

    @property
    def fewest_points(self) -> int:
        """The smallest grid, in points a side, that its inputs can be drawn on."""
        return 1

    def wrong_points(self, num_points: int) -> str | None:
        """What options do not go with so many points a side, and what was expected; None if all do."""
        return None

    def stored(self, num_points: int) -> dict[str, dict[str, int]]:
        """What is stored in float32: by name the axes of one example, with their lengths."""
        shape = {axis: len(values) for axis, values in self.grid(num_points).items()}
        return dict.fromkeys(self.fields + self.outputs, shape)

    def drawn_arrays(self, law: SparseGaussians | None) -> dict[str, dict[str, int]]:
        """What is stored beside fields, outputs, coefficients and parameters: by name the axes of one example."""
        return {}

    def fixed_coefficients(self) -> tuple[float, ...] | None:
        """c where it is the same for every example."""
        return None if self.coefficient_names else ()

    def deviation(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """How far examples that others made are from what this project solves, relative, ``(count,)``; NaN where
        that cannot be said. ``arrays`` are fields, outputs and coefficients by name, in float64."""
        raise NotImplementedError

    @classmethod
    def equation_residual(cls, fields: dict[str, Any], outputs: dict[str, Any]) -> Any:
        """‖A(fields) outputs - f‖ / ‖f‖ of the discrete equation for each example, ``(count,)``, of tensors, with
        a gradient; both are ``(count, *grid)`` by name, in the units of the data. Not all systems have it
        (``has_equation_residual``)."""
        raise NotImplementedError

    @classmethod
    def has_equation_residual(cls) -> bool:
        own, inherited = cls.equation_residual, AbstractSystem.equation_residual
        return own.__func__ is not inherited.__func__  # type: ignore[attr-defined]

    def grid(self, num_points: int) -> dict[str, np.ndarray]:
        """The coordinates of the points along each axis, in units of the domain's length."""
        return dict.fromkeys(self.axes, points(num_points, self.periodic))


def check_interval(name: str, interval: tuple[float, float], above: float) -> tuple[float, float]:
    """The closed interval as two floats; raises ValueError unless above < low <= high."""
    low, high = interval
    if not above < low <= high:
        raise ValueError(f"{name} is {[low, high]}; expected {above:g} < low <= high")
    return float(low), float(high)


def uniform(interval: tuple[float, float], uniforms: np.ndarray) -> np.ndarray:
    """Uniforms in [0, 1) moved to an interval."""
    low, high = interval
    return low + (high - low) * uniforms
