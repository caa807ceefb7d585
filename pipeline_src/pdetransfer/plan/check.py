"""How the entries of a study go together: the first mistake, in one sentence with key, value and what was
expected."""

import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from keyword import iskeyword
from typing import Any

from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._trajectories import AbstractTrajectories
from pdetransfer.data.systems.poisson import Poisson
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan import proxies
from pdetransfer.plan.answers import Answers
from pdetransfer.plan.entries import CONTROL, DPOT, FNO, KINDS, OWN, SCRATCH, Dataset
from pdetransfer.plan.expand import REFERENCES, ConfigError, expected_one_of, near
from pdetransfer.plan.load import validated
from pdetransfer.plan.modes import by_axis, most_modes
from pdetransfer.plan.recipes import MOST_VALIDATIONS
from pdetransfer.plan.study import Curve, Study

_OWN_CHANNEL = "solution"  # of a user's trajectories without a system
_TAKEN = ("source", "solution", "initial_solution")  # what `predict` takes and gives beside coefficients


def check(study: Study, answers: Answers, quantities: dict[str, Callable]) -> None:
    """Raise ConfigError for the first mistake. ``quantities`` are what the study's claims may be judged by."""
    for mistakes in (
        _data(study),
        _parametrizations(study),
        _recipes(study),
        _names(study),
        _channels(study),
        _sizes(study),
        proxies.mistakes(study),
        _transformers(study),
        _frames(study),
        _models(study),
        _mixtures(study),
        _validations(study),
        _equations(study),
        _questions(study, answers),
        _figures(study, answers),
        _claims(study, quantities),
        _experiments(study, answers),
    ):
        for mistake in mistakes:
            raise ConfigError(f"study {study.name}, scale {study.scale}: {mistake}")


def _experiments(study: Study, answers: Answers) -> Iterator[str]:
    """There is one to report, and none, nor a figure, has the name of a file that is there already."""
    if not study.reported:
        yield f"experiments has {sorted(study.experiments)}; expected one that is no control"
    taken = {
        "experiments": {"datasets", "fits", "claims", "comparison", *answers.tables},
        "figures": {"ranges", *answers.pictures, *(f"gallery_{system}" for system in SYSTEMS)},
    }
    for section, names in taken.items():
        for name in names & set(getattr(study, section)):
            yield f"{section}.{name} has the name of a file of the results; expected another one"


def _data(study: Study) -> Iterator[str]:
    stored = [name for name, entry in study.datasets.items() if not entry.mix]
    for name, entry in study.datasets.items():
        if entry.mix:
            given = sorted(entry.settings())
            if given != ["mix"]:
                yield f"datasets.{name} has the keys {given}; expected nothing beside mix"
            if isinstance(entry.mix, dict) and not all(
                _may_have_frames(study, part) for part in entry.mix if part in stored
            ):
                yield f"datasets.{name}.mix gives probabilities; expected a list, as not all have trajectories"
            for component in entry.mix:
                if component not in stored:
                    yield _unknown(f"datasets.{name}.mix", component, stored)
            layouts = {component: _layout(study, component) for component in entry.mix}
            if len(set(layouts.values())) > 1 and not all(
                _may_have_frames(study, part) for part in entry.mix
            ):
                yield f"datasets.{name}.mix has fields, outputs and axes {layouts}; expected those of one kind"
        elif entry.files:
            yield from _own_data(name, entry)
        else:
            yield from _generated(study, name, entry)
    if study.source:
        try:
            SparseGaussians(**study.source.model_dump())
        except ValueError as mistake:
            yield f"source: {mistake}"


def _own_data(name: str, entry: Dataset) -> Iterator[str]:
    readable = [system for system, kind in SYSTEMS.items() if kind.reads_files]
    if entry.system and entry.system not in readable:
        yield _unknown(f"datasets.{name}.system", entry.system, readable)
    options = SYSTEMS[entry.system].options_of_files if entry.system else ()
    beside = sorted(set(entry.settings()) - {"files", *options})
    if beside not in (["system"], ["coefficients"]):
        yield f"datasets.{name} has {beside} beside files; expected system, or coefficients with their names"
    if options:
        yield from _options_of_files(name, entry)
    for coefficient in entry.coefficients or ():
        if not coefficient.isidentifier() or iskeyword(coefficient) or coefficient in _TAKEN:
            yield (
                f"datasets.{name}.coefficients has {coefficient!r}; expected a name that an argument of `predict` "
                f"may have: letters, digits and _, no word of Python, and none of {list(_TAKEN)}"
            )


def _options_of_files(name: str, entry: Dataset) -> Iterator[str]:
    """A system can be built of the options of an entry, and of what files say themselves."""
    system = SYSTEMS[entry.system]
    given = system.said_by_files | entry.options
    arguments = inspect.signature(system).parameters
    for option in system.options_of_files:
        if arguments[option].default is inspect.Parameter.empty and option not in given:
            yield f"datasets.{name} has no {option}; expected one to check its files of {entry.system} with"
    try:
        system(**given)
    except (TypeError, ValueError) as mistake:
        yield f"datasets.{name}: {mistake}"


def _generated(study: Study, name: str, entry: Dataset) -> Iterator[str]:
    if entry.system is None:
        hint = near(name, (other for other in study.datasets if other != name))
        yield f"datasets.{name} has the keys {sorted(entry.settings())}; expected system, files or mix{hint}"
    if entry.system not in SYSTEMS:
        yield _unknown(f"datasets.{name}.system", entry.system, SYSTEMS)
    system = SYSTEMS[entry.system]
    own = entry.num_examples is not None
    needed = {"grid": entry.num_points is None, "source": system.has_source, "num_examples": not own}
    for key, is_needed in needed.items():
        if is_needed and getattr(study, key) is None:
            yield f"there is no {key!r}; expected one, as datasets.{name} is generated"
    try:
        built = system(**entry.options)
        fewest = built.fewest_points
    except (TypeError, ValueError) as mistake:
        yield f"datasets.{name}: {mistake}"
    else:
        if wrong := built.wrong_points(study.num_points(name)):
            yield f"datasets.{name}: {wrong}"
        if (num_points := study.num_points(name)) < fewest:
            yield (
                f"datasets.{name} has {num_points} points a side; expected at least {fewest}, as its inputs have "
                f"waves that fewer cannot hold (num_modes)"
            )


def _models(study: Study) -> Iterator[str]:
    """Every model fits itself, and the datasets that it is trained and tested on."""
    for name, model in _of_kind(study, FNO):
        for key in ("modes", "padding"):
            given = getattr(model, key)
            if isinstance(given, tuple) and given and len(given) != model.num_dims:
                yield f"models.{name}.{key} is {list(given)}; expected one for each of {model.num_dims} axes"
    for curve in _curves(study):
        num_frames = study.models[curve.model].num_frames
        for part in study.components(curve.dataset):
            if num_frames and not _may_have_frames(study, part):
                yield (
                    f"models.{curve.model}.num_frames is {num_frames}; expected none, as {part} has no "
                    f"trajectories"
                )
            if study.datasets[part].system:
                yield from _model_on(study, curve.model, part)


def _curves(study: Study) -> list[Curve]:
    """All that is trained or tested, none twice."""
    tested = [curve for name in study.experiments for curve in study.curves(name)]
    return list(dict.fromkeys([*tested, *(curve for curve, _ in study.cells([*study.experiments]))]))


def _mixtures(study: Study) -> Iterator[str]:
    """What only models that take frames can have in common, and be shown by a probability."""
    for curve in _curves(study):
        mix = study.datasets[curve.dataset].mix
        if not mix or study.models[curve.model].num_frames:
            continue
        why = f"as models.{curve.model}, which is trained on it, has no num_frames"
        if isinstance(mix, dict):
            yield f"datasets.{curve.dataset}.mix gives probabilities; expected a list, {why}"
        layouts = {component: _layout(study, component) for component in mix}
        if len(set(layouts.values())) > 1:
            yield (
                f"datasets.{curve.dataset}.mix has fields, outputs and axes {layouts}; expected those of one "
                f"kind, {why}"
            )


def _validations(study: Study) -> Iterator[str]:
    """There are as many validation examples as a recipe uses."""
    for curve, _ in study.cells([*study.experiments]):
        parts, asked = study.components(curve.dataset), study.recipes[curve.recipe].num_validation
        if any(study.datasets[part].files for part in parts):
            continue  # what a file holds is seen when it is read
        if asked > (most := sum(study.num_examples_of(part).validation for part in parts)):
            yield (
                f"recipes.{curve.recipe}.num_validation is {asked}; expected at most {most}, the validation "
                f"examples of {curve.dataset}"
            )


def _of_kind(study: Study, kind: type) -> list[tuple[str, Any]]:
    """The models of a kind, by name."""
    return [(name, model) for name, model in study.models.items() if isinstance(model, kind)]


def _equations(study: Study) -> Iterator[str]:
    """A recipe that weighs the equation is for datasets whose equation has a residual."""
    known = [name for name, system in SYSTEMS.items() if system.has_equation_residual()]
    for name, dataset in dict.fromkeys(
        (curve.recipe, curve.dataset) for curve, _ in study.cells([*study.experiments])
    ):
        recipe, systems = (
            study.recipes[name],
            [study.datasets[part].system for part in study.components(dataset)],
        )
        if recipe.equation_weight and not set(systems) <= set(known):
            yield (
                f"recipes.{name}.equation_weight is {recipe.equation_weight} for {dataset}, of {systems}; "
                f"expected systems among {known}"
            )
        if recipe.data_weight != 1 and not recipe.equation_weight:
            yield f"recipes.{name}.data_weight is {recipe.data_weight}; expected 1, as its equation_weight is 0"


def _model_on(study: Study, name: str, dataset: str) -> Iterator[str]:
    """A model on a dataset of a known system."""
    model, entry = study.models[name], study.datasets[dataset]
    system = SYSTEMS[entry.system]
    if model.num_frames:
        yield from _windows_on(study, name, dataset)
    num_dims = len(system.axes) - bool(model.num_frames)
    if model.num_dims != num_dims:
        yield f"models.{name}.num_dims is {model.num_dims}; expected {num_dims}, the dimensions of {dataset}"
    if not entry.files and isinstance(model, FNO):  # what a file holds is seen when it is read
        yield from _modes_on(study, name, dataset)
    if not entry.files and isinstance(model, DPOT):
        yield from _patches_on(study, name, dataset)
    if model.input_normalisation and not system.scale_free:
        yield (
            f"models.{name}.input_normalisation is true; expected false, as {dataset} is of the system "
            f"{entry.system}, whose solutions change with the scale of its inputs"
        )


def _windows_on(study: Study, name: str, dataset: str) -> Iterator[str]:
    """A model that takes frames, on a dataset."""
    model, entry = study.models[name], study.datasets[dataset]
    system = SYSTEMS[entry.system]
    num_frames = None if entry.files else system(**entry.options).num_frames
    if num_frames and num_frames <= model.num_frames:
        yield (
            f"datasets.{dataset}.num_frames is {num_frames}; expected {model.num_frames + 1} at least, as "
            f"models.{name} takes {model.num_frames} frames to predict the next one"
        )
    if model.channels and (lacking := [one for one in system.channels if one not in model.channels]):
        yield (
            f"models.{name}.channels has no {lacking}; expected them, as {dataset} is of the system {entry.system}"
        )


def _patches_on(study: Study, name: str, dataset: str) -> Iterator[str]:
    model, num_points = study.models[name], study.num_points(dataset)
    if num_points % model.patch:
        yield (
            f"models.{name}.patch is {model.patch}; expected a divisor of {num_points}, the points that {dataset} "
            f"has along each axis"
        )


def _transformers(study: Study) -> Iterator[str]:
    """What the sizes of a transformer must fulfil."""
    for name, model in _of_kind(study, DPOT):
        for key, divisor in (("num_heads", model.num_heads), ("a group of its normalisation", 8)):
            if model.width % divisor:
                yield f"models.{name}.width is {model.width}; expected a multiple of {divisor}, for {key}"


def _frames(study: Study) -> Iterator[str]:
    """What models that take frames have in common, and others have not."""
    known = {name for system in SYSTEMS.values() for name in getattr(system, "channels", ())} | {_OWN_CHANNEL}
    lengths = {name: model.num_frames for name, model in study.models.items() if model.num_frames}
    for name, model in study.models.items():
        for key, value in (("channels", model.channels), ("absent", model.absent)):
            if value and not model.num_frames:
                yield f"models.{name}.{key} is {value}; expected none, as the model has no num_frames"
        if model.channels and (unknown := sorted(set(model.channels) - known)):
            yield f"models.{name}.channels has {unknown}, which no dataset has; expected some of {sorted(known)}"
        first = next(iter(lengths), name)
        if model.num_frames and model.num_frames != lengths[first]:
            yield (
                f"models.{name}.num_frames is {model.num_frames}; expected {lengths[first]}, as {first} has: "
                f"roll-outs are compared on the same frames"
            )
    for curve in _curves(study):
        recipe, model = study.recipes[curve.recipe], study.models[curve.model]
        if recipe.noise and not model.num_frames:
            yield (
                f"recipes.{curve.recipe}.noise is {recipe.noise}; expected 0, as models.{curve.model}, which is "
                f"trained with it on {curve.dataset}, has no num_frames"
            )


def _modes_on(study: Study, name: str, dataset: str) -> Iterator[str]:
    """A model's modes on the grid of a generated dataset."""
    model, entry, grid = study.models[name], study.datasets[dataset], study.grid_of(dataset)
    # A model that takes frames has no axis of time.
    axes, grid = SYSTEMS[entry.system].axes[-model.num_dims :], grid[-model.num_dims :]
    modes = by_axis(model.modes, len(grid))
    for axis, of_axis, most in zip(axes, modes, most_modes(grid, model.padding), strict=True):
        if of_axis > most:
            own = "grid" if entry.num_points is None else f"datasets.{dataset}"
            yield (
                f"models.{name}.modes is {of_axis} along {axis}; expected at most half of the points that "
                f"{dataset} has there, {most}{' with padding' if model.padding else ''} ({own}.num_points)"
            )


def _parametrizations(study: Study) -> Iterator[str]:
    for name, model in _of_kind(study, FNO):
        if (model.base is not None) != (model.parametrization == "mup"):
            expected = "the proxy's width and modes" if model.parametrization == "mup" else "none"
            yield (
                f"models.{name}.base is {model.base and model.base.settings()}; expected {expected}, as its "
                f"parametrization is {model.parametrization}"
            )
        if model.parametrization == "standard" and model.mode_rule != "none":
            yield (
                f"models.{name}.mode_rule is {model.mode_rule!r}; expected 'none', "
                f"as its parametrization is standard"
            )


def _recipes(study: Study) -> Iterator[str]:
    for name, recipe in study.recipes.items():
        arms = [rates for arm in (False, True) if isinstance(rates := recipe.learning_rates.of(arm), tuple)]
        if len(set(map(len, arms))) > 1:
            yield (
                f"recipes.{name}.learning_rates is {[list(rates) for rates in arms]}; "
                f"expected as many rates in each arm, so that both get the same budget"
            )
        if recipe.length > MOST_VALIDATIONS * recipe.validation_interval:
            yield (
                f"recipes.{name}.validation_interval is {recipe.validation_interval} "
                f"for a length of {recipe.length}; expected at most {MOST_VALIDATIONS} validations a run"
            )
        if bool(recipe.milestones) != (recipe.schedule == "halving"):
            expected = "at least one" if recipe.schedule == "halving" else "none"
            yield (
                f"recipes.{name}.milestones is {list(recipe.milestones)}; expected {expected}, as its schedule is "
                f"{recipe.schedule}"
            )
        if recipe.num_tuning_seeds > len(recipe.seeds):
            yield (
                f"recipes.{name}.num_tuning_seeds is {recipe.num_tuning_seeds}; "
                f"expected at most the number of seeds, {len(recipe.seeds)}"
            )
        for n_train, count in recipe.fewer_seeds.items():
            if not recipe.num_tuning_seeds <= count <= len(recipe.seeds):
                yield (
                    f"recipes.{name}.fewer_seeds.{n_train} is {count}; expected from {recipe.num_tuning_seeds}, "
                    f"the tuning seeds, to {len(recipe.seeds)}, all of them"
                )
        if recipe.extend_grid and min(map(len, arms), default=2) < 2:
            yield f"recipes.{name}.learning_rates has one rate; expected at least 2, as extend_grid is true"


def _names(study: Study) -> Iterator[str]:
    """Every name that an entry refers to is an entry."""
    for name in {SCRATCH, OWN} & set(study.pretrainings):
        yield f"pretrainings.{name} is a reserved name; expected another one"
    for section in ("pretrainings", "experiments", "figures"):
        for name, entry in getattr(study, section).items():
            for key, other in REFERENCES[section].items():
                known = [*getattr(study, other), *([SCRATCH, OWN] if key == "init" else [])]
                given = getattr(entry, key)
                for value in [given] if isinstance(given, str) else given:
                    if value not in known:
                        yield _unknown(f"{section}.{name}.{key}", value, known)
    for name, experiment in study.experiments.items():
        for dataset in experiment.dataset if OWN in experiment.init else ():
            system = study.init_of(OWN, dataset)
            if system is None:
                yield (
                    f"experiments.{name}.init has 'own' for {dataset}, which has no system; "
                    f"expected the name of a pre-training"
                )
            if system not in study.pretrainings:
                yield (
                    f"experiments.{name}.init has 'own' for {dataset}, whose system is {system}; "
                    f"expected a pre-training of that name"
                )


def _channels(study: Study) -> Iterator[str]:
    """A model is fine-tuned on coefficients that it has channels for: those of its pre-training's examples. One
    that takes frames has channels for these alone."""
    for name in study.experiments:
        for curve in filter(lambda curve: curve.is_fine_tuned, study.curves(name)):
            base = study.pretrainings[curve.init].dataset
            if study.models[curve.model].num_frames:
                parts = [*study.components(curve.dataset), *study.components(base)]
                if all(_may_have_frames(study, part) for part in parts):  # else `_models` says so
                    yield from _channels_of_frames(study, name, curve)
                continue
            given, known = _coefficients(study, curve.dataset), _coefficients(study, base)
            layout, of_base = (_layout(study, study.components(part)[0]) for part in (curve.dataset, base))
            if layout != of_base:
                yield (
                    f"experiments.{name} fine-tunes {curve.init} on {curve.dataset}, which has fields, outputs "
                    f"and axes {layout}; expected {of_base}, those of {base}, which it is pre-trained on"
                )
            if unknown := [coefficient for coefficient in given if coefficient not in known]:
                yield (
                    f"experiments.{name} fine-tunes {curve.init} on {curve.dataset}, which has the coefficients "
                    f"{unknown}; expected some of {known}, those of {base}, which it is pre-trained on"
                )


def _channels_of_frames(study: Study, experiment: str, curve: Curve) -> Iterator[str]:
    """The channels that a model has are those of its own, or of the trajectories that it is pre-trained on."""
    base = study.pretrainings[curve.init].dataset
    known = study.models[curve.model].channels or _channels_of(study, base)
    if unknown := [name for name in _channels_of(study, curve.dataset) if name not in known]:
        yield (
            f"experiments.{experiment} fine-tunes {curve.init} on {curve.dataset}, which has the channels "
            f"{unknown}; expected some of {list(known)}, those of models.{curve.model}: give it `channels`"
        )


def _layout(study: Study, dataset: str) -> tuple:
    """Fields, outputs and axes of a stored dataset; for a user's file of no known system those of the linear ones
    are taken, as it has others by its keys alone."""
    system = SYSTEMS.get(study.datasets[dataset].system or "", Poisson)
    return system.fields, system.outputs, system.axes


def _may_have_frames(study: Study, dataset: str) -> bool:
    """Whether a stored dataset has trajectories; of a user's file of no known system that is seen when it is
    read."""
    entry = study.datasets[dataset]
    system = SYSTEMS.get(entry.system or "", Poisson)
    return issubclass(system, AbstractTrajectories) or bool(entry.files and not entry.system)


def _channels_of(study: Study, dataset: str) -> list[str]:
    """The channels of trajectories, those of a mixture together."""
    systems = (study.datasets[part].system for part in study.components(dataset))
    channels = (getattr(SYSTEMS[system], "channels", ()) if system else (_OWN_CHANNEL,) for system in systems)
    return list(dict.fromkeys(name for of_part in channels for name in of_part))


def _coefficients(study: Study, dataset: str) -> list[str]:
    """The coefficients of a dataset, those of a mixture together."""
    parts = [study.datasets[part] for part in study.components(dataset)]
    names = [SYSTEMS[part.system].coefficient_names if part.system else part.coefficients for part in parts]
    return list(dict.fromkeys(name for of_part in names for name in of_part or ()))


def _sizes(study: Study) -> Iterator[str]:
    wanted = [
        (f"pretrainings.{name}.n_train", entry.dataset, entry.n_train)
        for name, entry in study.pretrainings.items()
    ]
    for name, entry in study.experiments.items():
        for key in ("n_train", "scratch_n_train"):
            most = max(getattr(entry, key), default=0)
            wanted += [(f"experiments.{name}.{key}", dataset, most) for dataset in entry.dataset]
    for key, dataset, most in wanted:
        parts = study.components(dataset)
        if any(study.datasets[part].files for part in parts):
            continue  # what a file holds is seen when it is read
        if most > (available := sum(study.num_examples_of(part).train for part in parts)):
            yield f"{key} asks for {most} examples of {dataset}; expected at most {available}"
    for name in study.experiments:
        for curve in study.curves(name):
            if curve.is_fine_tuned and not study.recipes[curve.recipe].learning_rates.fine_tuned:
                yield (
                    f"recipes.{curve.recipe}.learning_rates has no fine_tuned; "
                    f"expected one, as experiments.{name} fine-tunes with it"
                )


def _questions(study: Study, answers: Answers) -> Iterator[str]:
    """An experiment trains something, and has what the answer to its question compares."""
    for name, entry in study.experiments.items():
        if not entry.trained_n and SCRATCH in entry.init:
            yield f"experiments.{name}.n_train is {list(entry.n_train)}; expected one above 0, for scratch"
        if entry.scratch_n_train and SCRATCH not in entry.init:
            yield f"experiments.{name} has scratch_n_train, and init {list(entry.init)}; expected scratch in it"
        if min(entry.scratch_n_train, default=math.inf) <= max(entry.n_train):
            yield (
                f"experiments.{name}.scratch_n_train is {list(entry.scratch_n_train)}; "
                f"expected more than the largest n_train, {max(entry.n_train)}"
            )
        if entry.question not in answers.questions:
            yield _unknown(f"experiments.{name}.question", entry.question, answers.questions)
        for expected, is_there in answers.questions[entry.question].needs.items():
            if not is_there(entry):
                yield f"experiments.{name} asks {entry.question!r}; expected {expected}"


def _figures(study: Study, answers: Answers) -> Iterator[str]:
    for name, figure in study.figures.items():
        if figure.kind not in answers.kinds:
            yield _unknown(f"figures.{name}.kind", figure.kind, answers.kinds)
        kind = answers.kinds[figure.kind]
        drawn = {experiment: study.experiments[experiment] for experiment in figure.experiments}
        asked = {entry.question for entry in drawn.values()}
        if CONTROL in asked and len(asked) > 1:
            yield f"figures.{name} draws {list(drawn)}; expected controls alone, or none"
        for experiment, entry in drawn.items():
            if kind.at_one_n and figure.n_train not in entry.trained_n:
                yield (
                    f"figures.{name}.n_train is {figure.n_train}; "
                    f"expected one of {experiment}, {list(entry.trained_n)}"
                )
            for expected, is_there in kind.needs.items():
                if not is_there(entry):
                    yield f"figures.{name} draws {experiment} as {figure.kind}; expected {expected}"
        if not kind.at_one_n and figure.n_train:
            yield f"figures.{name} has n_train; expected none, as its kind is {figure.kind}"


def _claims(study: Study, quantities: dict[str, Callable]) -> Iterator[str]:
    """What a claim asks for can be judged by a quantity; experiments that the study lacks leave it not judged."""
    known = {bounds for claim in study.claims.values() for bounds in claim.bounds}
    if known and study.bounds not in known:
        yield f"bounds is {study.bounds!r}; {expected_one_of(study.bounds, known)}, as claims.yaml has them"
    settings = {
        "dataset": _settings_of_datasets(),
        "model": {key for kind in KINDS.values() for key in kind.model_fields},
    }
    for name, claim in study.claims.items():
        if claim.quantity not in quantities:
            yield _unknown(f"claims.{name}.quantity", claim.quantity, quantities)
        needed = set(list(inspect.signature(quantities[claim.quantity]).parameters)[1:])
        given = {key for key in ("cells", "over", "model") if getattr(claim, key) is not None}
        if given != needed:
            yield (
                f"claims.{name} has {sorted(given)}; "
                f"expected {sorted(needed)}, as its quantity is {claim.quantity}"
            )
        if claim.model is not None and (mistake := _mistake_in_architecture(claim.model, name)):
            yield mistake
        for key, axis in product(("cells", "over"), settings):
            asked = getattr(getattr(claim, key), axis, None)
            for setting in asked if isinstance(asked, dict) else ():
                if setting not in settings[axis]:
                    yield _unknown(f"claims.{name}.{key}.{axis}", setting, settings[axis])


def _mistake_in_architecture(model: dict, claim: str) -> str | None:
    if "rate" in model:
        return f"claims.{claim}.model has a rate; expected an architecture alone"
    try:
        validated(KINDS.get(model.get("kind"), FNO), model | {"rate": 1}, ("claims", claim, "model"))
    except ConfigError as mistake:
        return str(mistake)
    return None


def _settings_of_datasets() -> set[str]:
    arguments = (inspect.signature(system).parameters for system in SYSTEMS.values())
    return {*Dataset.model_fields, *(name for of_system in arguments for name in of_system)}


def _unknown(key: str, value: str, known: Iterable[str]) -> str:
    return f"{key} is {value!r}; {expected_one_of(value, known)}"
