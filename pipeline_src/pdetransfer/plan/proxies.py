"""Which recipe a proxy has, and which models may share learning rates; what is wrong, in one sentence."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pdetransfer.plan.expand import ConfigError, expected_one_of
from pdetransfer.plan.recipes import ArmedRecipe

if TYPE_CHECKING:  # a study asks this module for the recipes of proxies
    from pdetransfer.plan.entries import AnyModel
    from pdetransfer.plan.study import Study

_TUNING = {"seeds", "fewer_seeds", "num_tuning_seeds", "extend_grid"}  # of a recipe: not how a run is trained
_SIZES = {"width", "modes"}  # of a model: what muP transfers over
_CHECKED = {"parametrization", "base"}  # of a model: what has a sentence of its own


def recipe_of_proxy(recipes: dict[str, ArmedRecipe], name: str, is_fine_tuned: bool) -> str:
    """The recipe of the cells that a recipe's learning rates in an arm are transferred from: the one it names, or
    the only one that differs from it in learning rates alone. Raises ConfigError."""
    recipe, key = recipes[name], f"recipes.{name}.learning_rates.{_arm(is_fine_tuned)}"
    transferred = recipe.transferred(is_fine_tuned)
    assert transferred
    with_rates = {
        other: _differing(entry, recipe)
        for other, entry in recipes.items()
        if isinstance(entry.learning_rates.of(is_fine_tuned), tuple)
    }
    if transferred.recipe is None:
        alike = [other for other, differing in with_rates.items() if not differing]
        if len(alike) == 1:
            return alike[0]
        found = f"the recipes {alike} are" if alike else "no recipe with rates of its own in that arm is"
        raise ConfigError(
            f"{key} is transferred from {transferred.transferred_from}, and {found} like it but for "
            f"learning_rates; expected one such recipe, or which one it is as `recipe`"
        )
    if transferred.recipe not in with_rates:
        raise ConfigError(
            f"{key}.recipe is {transferred.recipe!r}; {expected_one_of(transferred.recipe, with_rates)}, "
            f"the recipes with rates of their own in that arm"
        )
    if differing := with_rates[transferred.recipe] - _TUNING:
        raise ConfigError(
            f"{key}.recipe is {transferred.recipe!r}, which differs in {sorted(differing)}; expected one that "
            f"differs in learning_rates, seeds and their number, or extend_grid alone"
        )
    return transferred.recipe


def _arm(is_fine_tuned: bool) -> str:
    return "fine_tuned" if is_fine_tuned else "scratch"


def _differing(one: "ArmedRecipe | AnyModel", other: "ArmedRecipe | AnyModel") -> set[str]:
    """The settings in which two entries differ; learning rates and what is at its default in both left out."""
    ours, theirs = (entry.settings("learning_rates", "rate", "num_gpus") for entry in (one, other))
    return {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}


def mistakes(study: "Study") -> Iterator[str]:
    """What is wrong with transferred learning rates: their recipes, and the models of cells that are needed."""
    for name, recipe in study.recipes.items():
        for is_fine_tuned in (False, True):
            transferred = recipe.transferred(is_fine_tuned)
            if transferred is None:
                continue
            if (model := transferred.transferred_from) not in study.models:
                key = f"recipes.{name}.learning_rates.{_arm(is_fine_tuned)}.transferred_from"
                yield f"{key} is {model!r}; {expected_one_of(model, study.models)}"
            try:
                recipe_of_proxy(study.recipes, name, is_fine_tuned)
            except ConfigError as mistake:
                yield str(mistake)
    for name in study.experiments:
        for curve, _ in study.cells([name]):
            if proxy := study.proxy(curve):
                yield from _mistakes_of_models(study, f"experiments.{name}", curve.model, proxy.model)


def _mistakes_of_models(study: "Study", where: str, name: str, proxy: str) -> Iterator[str]:
    reason = f"as {where} transfers learning rates from {proxy} to {name}"
    model, small = study.models[name], study.models[proxy]
    for key, entry in ((proxy, small), (name, model)):
        found = getattr(entry, "parametrization", "standard")
        if found != "mup":
            yield f"models.{key}.parametrization is {found!r}; expected 'mup', {reason}"
            return
    if model.base != small.base:
        bases = [entry.base and entry.base.settings() for entry in (model, small)]
        yield f"models.{name}.base is {bases[0]}; expected {bases[1]}, {reason}"
    if differing := _differing(model, small) - _SIZES - _CHECKED:
        yield (
            f"models.{name} differs from {proxy} in {sorted(differing)}; "
            f"expected width and modes alone, {reason}"
        )
