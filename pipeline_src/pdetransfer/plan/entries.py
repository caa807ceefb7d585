"""The keys of a config: type, default, unit and meaning of each. ``config/README.md`` and the schema are made
of this.

What stands here is what a study has after ``expand``; how its entries go together is checked in ``check``.
"""

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
)

from pdetransfer.plan.modes import by_axis

SCRATCH = "scratch"  #: the init that is no pre-training
OWN = "own"  #: in an experiment, the pre-training that is called like the dataset's system
CONTROL = "control"  #: the question of experiments that `all` leaves out
_CHANNELS = 8  # taken for what a model without `channels` has at a point; beside its width they are few


def from_init(init: str) -> str:
    """An init in words: from scratch, or from the pre-training of a name."""
    return f"from {init.replace('_', '-')}"


class Entry(BaseModel):
    """Settings by name; others are a mistake, and none changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_a_truth(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation is not bool:
            raise ValueError("neither true nor false")
        return value

    def settings(self, *but: str) -> dict[str, Any]:
        """What differs from the defaults, ready for JSON, less the keys ``but``."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude=set(but))


def distinct(values: tuple) -> tuple:
    if len(set(values)) < len(values):
        raise ValueError("none of them twice")
    return values


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
Count = Annotated[int, Field(ge=1)]
Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]
Sizes = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(distinct)]
Rates = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1), AfterValidator(distinct)]


class Grid(Entry):
    """Grid of generated datasets, of as many dimensions as their system has."""

    num_points: int = Field(ge=4, description="Points along each axis of a domain of length 1.")


class Source(Entry):
    """Random right-hand sides, sums of Gaussians on a square of centres with spacing 2 sigma."""

    num_centres: Count = Field(description="Centres along each axis.")
    sigma: float = Field(
        gt=0, description="Standard deviation of a Gaussian, in units of the domain's length."
    )
    sparsity_range: tuple[float, float] = Field(
        description="Closed interval of the probability that a centre is empty; drawn for each example."
    )


class NumExamples(Entry):
    """Examples in each split of every generated dataset."""

    train: Count = Field(description="Training examples, from which an n_train takes the first n.")
    validation: Count = Field(description="Examples that choose checkpoints and learning rates.")
    test: Count = Field(
        description="Examples that the reported errors are computed on. No training sees them."
    )


class Files(Entry):
    """A user's files."""

    train: str = Field(description="File with the training examples.")
    validation: str | None = Field(
        None,
        description="File with the examples that choose checkpoints and learning rates; without one, every eighth "
        "example of the training file does, and is no training example.",
    )
    test: str = Field(description="File with the test examples.")


def _kind_of_mix(given: Any) -> str:
    return "[probabilities]" if isinstance(given, dict) else "[names]"


#: Datasets in turn, or by name their probabilities. The tags stand in pydantic's locations.
Mix = Annotated[
    Annotated[Names, Tag("[names]")]
    | Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1), Tag("[probabilities]")],
    Discriminator(_kind_of_mix),
]


class Dataset(Entry):
    """A system with the ranges that its physics parameters are drawn from, a user's files, or a mixture of
    datasets. A shift is one entry."""

    model_config = ConfigDict(extra="allow")

    system: str | None = Field(
        None,
        description="The PDE family, a name in `SYSTEMS`; needed unless there is `mix` or `coefficients`.",
    )
    num_points: int | None = Field(
        None, ge=4, description="Points along each axis, of a generated dataset that has not those of `grid`."
    )
    num_examples: NumExamples | None = Field(
        None, description="Examples of a generated dataset that has not those of `num_examples`."
    )
    files: Files | None = Field(
        None,
        description="Own data, a file for each split, of HDF5, zarr, MATLAB or NumPy (docs/data-format.md), of a "
        "`system`, whose equation "
        "is then checked, or with names of `coefficients`. `num_examples` does not apply.",
    )
    coefficients: Annotated[tuple[str, ...], AfterValidator(distinct)] | None = Field(
        None,
        description="Names of the coefficients in own data of a system that the project does not "
        "have; may be empty.",
    )
    mix: Mix | None = Field(
        None,
        description="Datasets whose examples are taken in turn, in one layout of channels by name; a coefficient "
        "that a system lacks is zero. Of trajectories, each may have its probability of being drawn in training, "
        "relative to the others; in a list, every trajectory has the same.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of the system's constructor."""
        return dict(self.model_extra or {})


class Proxy(Entry):
    """The size that a model in muP has its initial weights and learning rates from."""

    width: Count = Field(description="Channels between the layers.")
    modes: Count = Field(description="Kept wavenumbers on each half axis.")


class _Model(Entry):
    """An architecture with its sizes. A size is one entry."""

    num_frames: Count | None = Field(
        None,
        description="Input frames (T), of a model that learns the next frame of a trajectory from them; "
        "without, a model learns pairs of fields and outputs, of trajectories the block from the first frame to "
        "all.",
    )
    channels: Names | None = Field(
        None,
        description="Channels of a model with `num_frames`, where they are more than those of the data that it is "
        "trained on: others, which it is fine-tuned on, must have some of them.",
    )
    absent: float = Field(
        0.0,
        description="What stands for a channel that a trajectory's system lacks, of a model with `num_frames`. "
        "With 1, as in the public code of arXiv 2403.03542, it counts in training as if it were there.",
    )
    input_normalisation: bool = Field(
        True,
        description="Whether inputs are normalised example by example (A.5 of arXiv 2306.00258): of equations "
        "which that leaves as they are.",
    )
    rate: float = Field(
        gt=0,
        description="Training examples per second on one device of this scale's machine, for the forecast of "
        "`snakemake plan` and the time that jobs ask a cluster for. Another rate retrains nothing.",
    )
    num_gpus: Count = Field(
        1,
        description="GPUs of one machine that a training takes, where `device` is a GPU: the runs of "
        "a cell are spread "
        "over them, or share each batch where there are fewer runs. Another number retrains nothing.",
    )

    @property
    def architecture(self) -> dict[str, Any]:
        """What decides the numbers of the model."""
        return self.settings("rate", "num_gpus")

    def channels_in(self, num_fields: int, num_coefficients: int) -> int:
        """What the network takes at a point, of data with so many fields and coefficients."""
        return self.num_frames * num_fields if self.num_frames else num_fields + num_coefficients

    @property
    def planned_parameters(self) -> int:
        """``num_parameters`` as far as they are known before its data are: with eight channels, or its own. What
        takes frames has as many in and out."""
        channels = len(self.channels or range(_CHANNELS))
        return self.num_parameters(self.channels_in(channels, 0), channels if self.num_frames else 1)

    @abstractmethod
    def num_parameters(self, in_channels: int, out_channels: int = 1) -> int:
        """Real parameters; a complex weight counts two."""


class FNO(_Model):
    """The Fourier neural operator."""

    kind: Literal["fno"] = Field(description="The architecture, a name in `MODELS`.")
    width: Count = Field(description="Channels between the layers (the embedding dimension d).")
    modes: Count | Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        description="Kept wavenumbers on each half axis (m), at most half of the points, padding counted; a list "
        "by axis, x last."
    )
    num_layers: Count = Field(description="Fourier layers.")
    num_dims: Literal[1, 2, 3] = Field(2, description="Dimensions of the grid, those of its datasets.")
    padding: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        (),
        description="By axis, x last, the share of its points that zeros are appended for, where an axis is not "
        "periodic.",
    )
    coordinates: bool = Field(
        False, description="Whether the coordinates are input channels: fields with a boundary need them."
    )
    initialisation: Literal["uniform", "normal"] = Field(
        "uniform",
        description="Distribution of the initial spectral weights: `uniform` on [0, 1) / width^2, as "
        "in the study's "
        "public code, or `normal` of mean 0 and variance 1 / (2 width), which keeps the energy of a field.",
    )
    parametrization: Literal["standard", "mup"] = Field(
        "standard",
        description="How initial weights and learning rates follow the size: not at all, or by the maximal-update "
        "parametrization, in which the best learning rate of `base` is that of all widths.",
    )
    base: Proxy | None = Field(None, description="The proxy's size, of a model in muP alone.")
    mode_rule: Literal["none", "paper", "additive"] = Field(
        "none",
        description="How muP's spectral weights and their learning rate follow the modes, which is a choice: not "
        "at all; by arXiv 2506.19396, as 1 / sqrt(log modes); or by the bound on the norm of Gaussian blocks.",
    )

    def num_parameters(self, in_channels: int, out_channels: int = 1) -> int:
        width, num_dims = self.width, self.num_dims
        kept = 2 ** (num_dims - 1) * math.prod(by_axis(self.modes, num_dims))
        layer = 2 * kept * width**2 + width**2 + width
        projection = 2 * width * width + 2 * width + out_channels * (2 * width + 1)
        lifting = (in_channels + num_dims * self.coordinates + 1) * width
        return lifting + self.num_layers * layer + projection


class DPOT(_Model):
    """The Fourier-attention transformer of arXiv 2403.03542."""

    kind: Literal["dpot"] = Field(description="The architecture, a name in `MODELS`.")
    num_dims: ClassVar[int] = 2
    num_frames: Count = Field(description=_Model.model_fields["num_frames"].description)
    width: Count = Field(description="Channels of a token (the embedding dimension d), a multiple of 8.")
    num_layers: Count = Field(description="Blocks.")
    num_heads: Count = Field(description="Heads, a divisor of the width.")
    mlp_ratio: Count = Field(1, description="Hidden channels of a block's last part, times the width.")
    patch: Count = Field(
        description="Points along each axis of the patch that is a token, a divisor of those of the grid."
    )
    num_patches: Count | tuple[Count, Count] = Field(
        description="Learned positions along each axis, or along y and x: the tokens of the grid that it is "
        "pre-trained on. They are interpolated on others."
    )
    readout_width: Count = Field(description="Channels of the output head.")
    modes: Count | None = Field(
        None,
        description="Wavenumbers below it are mixed, of both signs; without, all are. Of the Fourier mixer alone.",
    )
    mixer: Literal["fourier", "attention"] = Field(
        "fourier", description="What mixes the tokens in a block: a network at each frequency, or attention."
    )

    def num_parameters(self, in_channels: int, out_channels: int = 1) -> int:
        width, out, points = self.width, self.readout_width, self.patch**2
        narrow = out_channels * self.patch + 3
        n_y, n_x = (self.num_patches,) * 2 if isinstance(self.num_patches, int) else self.num_patches
        embedding = (out_channels + 3) * narrow * points + narrow + (narrow + 1) * width + width * n_y * n_x
        in_time = (in_channels // out_channels) * width**2 + width
        mixer = 4 * (width**2 // self.num_heads + width if self.mixer == "fourier" else width**2 + width)
        hidden = self.mlp_ratio * width
        block = 4 * width + mixer + 2 * width * hidden + hidden + width
        head = width * out * points + out + out**2 + out + out_channels * (out + 1)
        return embedding + in_time + self.num_layers * block + head


AnyModel = FNO | DPOT
#: The entries of models by their kind.
KINDS = {of.model_fields["kind"].annotation.__args__[0]: of for of in AnyModel.__args__}


class _Other(Entry):
    """An entry whose kind is none of those."""

    model_config = ConfigDict(extra="ignore")

    kind: Literal[*KINDS] = Field(description=FNO.model_fields["kind"].description)  # type: ignore[valid-type]


def _kind_of_model(given: Any) -> str:
    kind = given.get("kind") if isinstance(given, dict) else getattr(given, "kind", None)
    return f"[{kind}]" if kind in KINDS else "[other]"


if TYPE_CHECKING:
    Model = AnyModel
else:
    #: The tags stand in pydantic's locations.
    Model = Annotated[
        Union[
            *(Annotated[of, Tag(f"[{kind}]")] for kind, of in KINDS.items()),
            Annotated[_Other, Tag("[other]")],
        ],
        Discriminator(_kind_of_model),
    ]


class Pretraining(Entry):
    """An init by name: in each model, a cell trained from scratch whose weights others start from (those of the
    first of its recipe's seeds)."""

    dataset: str = Field(description="The pre-training dataset, a name in `datasets`.")
    n_train: Count = Field(description="Training examples.")
    recipe: str = Field(description="A name in `recipes`.")


class Experiment(Entry):
    """A question, as the product of its axes. Cells that two experiments share are trained once."""

    question: str = Field(
        description="What is asked, which decides the section of the report and how the answer is "
        "worded. Experiments "
        "with `control` are left out of `snakemake all`; `snakemake controls` runs them."
    )
    dataset: Names = Field(description="Downstream datasets, names in `datasets`.")
    model: Names = Field(description="Names in `models`.")
    init: Names = Field(
        description="`scratch`, names in `pretrainings`, or `own`: the pre-training called like a "
        "dataset's system."
    )
    recipe: Names = Field(description="Names in `recipes`.")
    n_train: Sizes = Field(
        description="Training examples; 0 is zero-shot, and for `scratch` the untrained network."
    )

    scratch_n_train: Annotated[tuple[Count, ...], AfterValidator(distinct)] = Field(
        (),
        description="Training examples from scratch besides: data savings are exact as far as its curve reaches.",
    )

    @property
    def trained_n(self) -> tuple[int, ...]:
        """The n_train of both arms that need training: zero-shot does not."""
        return tuple(n for n in self.n_train if n > 0)

    def trained_n_of(self, is_fine_tuned: bool) -> tuple[int, ...]:
        """The n_train of an arm that need training."""
        return (
            self.trained_n if is_fine_tuned else tuple(dict.fromkeys(self.trained_n + self.scratch_n_train))
        )


class Figure(Entry):
    """A picture of experiments."""

    kind: str = Field(
        description="What is drawn: a kind of the study's own, or one of those that all studies have."
    )
    experiments: Names = Field(
        description="Names in `experiments`. The figure stands in the report at the first one's question."
    )
    title: str = Field(description="Title above the figure.")
    n_train: Count | None = Field(
        None,
        description="Training examples of the models shown; for kinds that show those of a single n_train.",
    )


def few_of(n_train: Iterable[int]) -> int:
    """The n_train that claims and sentences call few: the second smallest that is trained on, or the only one."""
    return sorted({n for n in n_train if n > 0})[:2][-1]


class Selection(Entry):
    """Cells of an experiment. An axis that is left out is not restricted; else it is a name, a list of names, a
    family, or settings of its entries with the values that they must have, `smallest` or `largest` among them:
    `{system: poisson, eigenvalue_range: largest}`."""

    experiment: str = Field(description="A name in `experiments`.")
    dataset: str | tuple[str, ...] | dict[str, Any] | None = Field(None, description="Downstream datasets.")
    model: str | tuple[str, ...] | dict[str, Any] | None = Field(
        None, description="Models; also `smallest` or `largest`, by the number of parameters."
    )
    init: str | tuple[str, ...] | None = Field(None, description="Inits; `own` as in an experiment.")
    n: Literal["zero", "few", "middle", "most", "trained"] = Field(
        description="The n_train: 0, the second smallest, the middle one, the largest, or all but 0."
    )


class Claim(Entry):
    """A published claim, and when it counts as seen."""

    statement: str = Field(description="The claim, in words.")
    place: str = Field(description="Where it is made.")
    quantity: str = Field(description="What it is judged by, a quantity of the study.")
    cells: Selection | None = Field(None, description="The cells that the quantity is computed from.")
    over: Selection | None = Field(None, description="The cells that they are compared with.")
    model: dict[str, Any] | None = Field(
        None, description="An architecture whose size is claimed: an entry of `models` without `rate`."
    )
    bounds: dict[str, dict[Literal["at_least", "at_most"], float]] = Field(
        description="By a scale's `bounds`: the closed interval in which the claim holds."
    )
    tested: dict[str, str] = Field(
        {}, description="By a scale's `bounds`: the claim as it is tested there, where `statement` says more."
    )
