"""Learning rates that are transferred from a proxy's cell: which it is, what is wrong, and what it saves."""

from dataclasses import replace

import pytest

from configs import RECIPE, load_study
from pdetransfer.plan import costs, inputs
from pdetransfer.plan.answers import Answers, Question
from pdetransfer.plan.check import check
from pdetransfer.plan.expand import ConfigError, expand, laid_over
from pdetransfer.plan.load import validated
from pdetransfer.plan.study import Curve, Study

ANSWERS = Answers({name: Question("", None, None) for name in ("data", "control")}, {})
BASE = {"width": 4, "modes": 2}
SMALL = {"kind": "fno", **BASE, "num_layers": 1, "rate": 100, "parametrization": "mup", "base": BASE}
RATES = {"scratch": [0.1, 0.2, 0.4], "fine_tuned": [0.01, 0.02, 0.04]}
GRID = RECIPE | {"learning_rates": RATES, "seeds": [0, 1], "extend_grid": True}
FROM_SMALL = {"transferred_from": "small"}
SETTINGS = {
    "name": "own",
    "scale": "tiny",
    "grid": {"num_points": 16},
    "source": {"num_centres": 4, "sigma": 0.125, "sparsity_range": [0.2, 0.8]},
    "num_examples": {"train": 64, "validation": 16, "test": 20},
    "datasets": {name: {"system": "poisson", "eigenvalue_range": [1, 5]} for name in ("near", "far")},
    "models": {"small": SMALL, "large": SMALL | {"width": 8, "rate": 25}},
    "recipes": {
        "grid": GRID,
        "transferred": {
            "like": "grid",
            "learning_rates": {"scratch": FROM_SMALL, "fine_tuned": FROM_SMALL | {"bracket": 4}},
        },
        "pretrain": {"like": "grid", "seeds": [0]},
        "pretrain_transferred": {"like": "pretrain", "learning_rates": FROM_SMALL},
    },
    "pretrainings": {"poisson": {"dataset": "near", "n_train": 64, "recipe": "pretrain"}},
    "experiments": {
        "e": {
            "question": "data",
            "dataset": ["far"],
            "model": ["large"],
            "init": ["scratch", "poisson"],
            "recipe": ["transferred"],
            "n_train": [0, 4, 8],
        }
    },
}


def study(**changes):
    """The study with changes, checked."""
    found = validated(Study, expand(SETTINGS, {}, changes))
    check(found, ANSWERS, {})
    return found


STUDY = study()
SCRATCH, TUNED = STUDY.curves("e")
CELLS = "results/own/tiny/cells"


def test_the_proxy_is_the_cell_of_the_small_model_with_the_recipe_that_has_a_grid():
    assert STUDY.proxy(SCRATCH) == Curve("far", "small", "scratch", "grid")
    assert STUDY.proxy(TUNED) == Curve("far", "small", "poisson", "grid")
    assert STUDY.proxy(STUDY.proxy(TUNED)) is None


def test_a_cell_waits_for_its_proxy_and_that_for_its_own_pre_training():
    proxy = STUDY.proxy(TUNED)
    own = [STUDY.pretraining("poisson", model) for model in ("large", "small")]
    assert STUDY.needs(TUNED, 8) == [own[0], (proxy, 8)]
    assert STUDY.needs(proxy, 8) == [own[1]]
    assert set(STUDY.cells(["e"])) == {
        *own,
        *((curve, n) for curve in (SCRATCH, TUNED, STUDY.proxy(SCRATCH), proxy) for n in (4, 8)),
    }
    assert STUDY.pretrained(["e"]) == own[:1]


@pytest.mark.parametrize("curve", [SCRATCH, TUNED])
def test_a_training_job_reads_what_the_proxys_cells_have_chosen(curve):
    job = inputs.training(STUDY, curve, [4, 8])
    chosen = {f"{CELLS}/{STUDY.proxy(curve).path}/n{n}/cell.json" for n in (4, 8)}
    assert chosen == {path for path in inputs.files(job) if path.endswith("cell.json")}
    for n in (4, 8):
        recipe = job.cells[f"{CELLS}/{curve.path}/n{n}"]["recipe"]
        bracket = 4 if curve.is_fine_tuned else None
        assert recipe["learning_rates"] == {
            "proxy": f"{CELLS}/{STUDY.proxy(curve).path}/n{n}/cell.json",
            "bracket": bracket,
        }
        assert "extend_grid" not in recipe


def test_but_for_the_learning_rates_the_settings_are_those_of_the_grid():
    grid, own = (
        STUDY.cell_settings(replace(SCRATCH, recipe=name), 8)["recipe"] for name in ("grid", "transferred")
    )
    assert own == {key: value for key, value in grid.items() if key not in ("learning_rates", "extend_grid")}


def test_the_untrained_network_needs_no_proxy():
    scratch = inputs.evaluation(STUDY, "e")[0]
    assert scratch.untrained == STUDY.cell_settings(SCRATCH, 0)
    assert not [path for path in inputs.files(scratch) if "/small/" in path]


def test_the_plain_form_is_for_training_from_scratch_and_leaves_fine_tuning_its_grid():
    recipes = {"transferred": {"learning_rates": FROM_SMALL}, "again": {"like": "transferred"}}
    settings = {**SETTINGS, "recipes": {"grid": GRID, "transferred": {"like": "grid"}}}
    for layers in ((settings, {}, {"recipes": recipes}), (laid_over(settings, {"recipes": recipes}), {})):
        found = validated(Study, expand(*layers)).recipes
        for name in recipes:
            assert found[name].transferred(False).transferred_from == "small"
            assert found[name].rates(True) == tuple(RATES["fine_tuned"])


def test_a_later_layer_may_try_rates_again():
    found = study(
        recipes={"transferred": {"learning_rates": {"scratch": [0.1]}}, "grid": {"extend_grid": False}}
    )
    assert found.proxy(SCRATCH) is None
    assert found.num_runs(SCRATCH, 8) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"recipes": {"transferred": {"learning_rates": {"transferred_from": "smal"}}}},
            r"transferred.learning_rates.scratch.transferred_from is 'smal'; expected one of .*mean 'small'",
        ),
        (
            {"recipes": {"transferred": {"batch_size": 4}}},
            "transferred.learning_rates.scratch is transferred from small, and no recipe .* is like it",
        ),
        (
            {"recipes": {"pretrain": {"learning_rates": FROM_SMALL}}},
            "pretrain.learning_rates.scratch is transferred from small, and no recipe",
        ),
        (
            {"recipes": {"another": {"like": "grid"}}},
            r"transferred.learning_rates.scratch is transferred .* the recipes \['grid', 'another'\] are like it",
        ),
        (
            {"recipes": {"transferred": {"learning_rates": {"scratch": {"recipe": "gird"}}}}},
            r"scratch.recipe is 'gird'; expected one of \['grid', 'pretrain'\] \(did you mean 'grid'\?\), the rec",
        ),
        (
            {"recipes": {"transferred": {"learning_rates": {"scratch": {"recipe": "transferred"}}}}},
            "scratch.recipe is 'transferred'; expected one of",
        ),
        (
            {
                "recipes": {
                    "transferred": {"learning_rates": {"scratch": {"recipe": "grid"}}, "batch_size": 4}
                }
            },
            r"scratch.recipe is 'grid', which differs in \['batch_size'\]; expected one that differs in learning",
        ),
        (
            {"recipes": {"transferred": {"learning_rates": {"fine_tuned": {"bracket": 1}}}}},
            "transferred.learning_rates.fine_tuned.bracket is 1; expected greater than 1",
        ),
        (
            {"recipes": {"transferred": {"learning_rates": {"scratch": {"brackets": 3}}}}},
            "learning_rates.scratch has the unknown key 'brackets'; .*mean 'bracket'",
        ),
        (
            {"recipes": {"new": {"like": "grid", "learning_rates": {"scratch": [1], **FROM_SMALL}}}},
            "new.learning_rates has the unknown key 'transferred_from'; expected one of",
        ),
        (
            {"recipes": {"grid": {"learning_rates": {"scratch": [0.1, -1, 2]}}}},
            r"recipes.grid.learning_rates.scratch\[1\] is -1; expected greater than 0",
        ),
        (
            {"models": {"large": {"parametrization": "standard", "base": None}}},
            "models.large.parametrization is 'standard'; expected 'mup', as experiments.e transfers learning "
            "rates from small to large",
        ),
        (
            {"models": {"small": {"parametrization": "standard", "base": None}}},
            "models.small.parametrization is 'standard'; expected 'mup'",
        ),
        (
            {"models": {"large": {"base": {"width": 8}}}},
            "models.large.base is {'width': 8, 'modes': 2}; expected {'width': 4, 'modes': 2}, as",
        ),
        (
            {"models": {"large": {"num_layers": 2, "input_normalisation": False}}},
            r"models.large differs from small in \['input_normalisation', 'num_layers'\]; expected width and mo",
        ),
    ],
)
def test_a_mistake_is_one_sentence(changes, message):
    with pytest.raises(ConfigError, match=message) as error:
        study(**changes)
    assert "\n" not in str(error.value)


def test_a_recipe_by_name_may_have_other_seeds():
    named = {"scratch": {"recipe": "pretrain"}, "fine_tuned": {"recipe": "grid"}}
    found = study(recipes={"transferred": {"learning_rates": named}})
    assert found.proxy(SCRATCH).recipe == "pretrain"


def test_other_cells_than_those_of_experiments_are_not_asked_for_their_models():
    study(models={"other": {"like": "large", "parametrization": "standard", "base": None}})


def test_one_run_or_three_are_counted_instead_of_the_grid():
    """Of two seeds the first tries all rates, one more as the grid may be extended; the other the best."""
    assert [STUDY.num_runs_of_grid(curve, 8) for curve in (SCRATCH, TUNED)] == [3 + 1 + 1] * 2
    assert [STUDY.num_runs(curve, 8) for curve in (SCRATCH, TUNED)] == [1 + 1, 3 + 1]
    assert STUDY.num_runs(STUDY.proxy(SCRATCH), 8) == 3 + 1 + 1


def test_the_forecast_says_what_is_saved_against_grids_and_no_proxies():
    table = costs.forecast(STUDY, ["e"]).set_index("experiment")
    saved, hours = table["trainings_saved"], table["device_hours_saved"]
    assert saved["e"] == 2 * (5 - 2) + 2 * (5 - 4)
    assert saved["proxies"] == -2 * 2 * 5
    assert saved["pre-training"] == -4  # of the small model
    grids = study(experiments={"e": {"recipe": ["grid"]}})
    without = costs.forecast(grids, ["e"]).set_index("experiment")
    assert list(without.index) == ["pre-training", "e", "all"]
    assert not without[["trainings_saved", "device_hours_saved"]].any(axis=None)
    assert without["trainings"]["all"] == table["trainings"]["all"] + saved["all"]
    assert without["device_hours"]["all"] == pytest.approx(
        table["device_hours"]["all"] + hours["all"], abs=5e-3
    )


def test_a_proxy_that_an_experiment_has_costs_nothing_more():
    experiments = {"small": {"like": "e", "model": ["small"], "recipe": ["grid"]}}
    found = study(experiments=experiments)
    assert found.only_for_transfer(["e", "small"]) == []
    table = costs.forecast(found, ["e", "small"]).set_index("experiment")
    assert "proxies" not in table.index
    assert table["trainings_saved"].to_dict() == {"pre-training": 0, "e": 8, "small": 0, "all": 8}


def test_a_pre_training_may_be_transferred_too():
    """The small model's own is transferred from itself: a run that is known."""
    found = study(pretrainings={"poisson": {"recipe": "pretrain_transferred"}})
    large, small = (found.pretraining("poisson", model) for model in ("large", "small"))
    proxy = Curve("near", "small", "scratch", "pretrain"), 64
    assert found.needs(*large) == found.needs(*small) == [proxy]
    assert {large, small, proxy} <= set(found.cells(["e"]))
    assert found.num_runs(*large) == 1


def test_proxies_are_packed_as_what_they_are_for():
    assert {STUDY.packs[curve] for curve in (SCRATCH, STUDY.proxy(SCRATCH), TUNED, STUDY.proxy(TUNED))} == {
        (4, 8)
    }


def test_wall_time_is_bounded_by_the_chain_of_proxies():
    """The small model's pre-training, its fine-tunings, those of the large one."""
    chain = [STUDY.pretraining("poisson", "small")]
    chain += [(curve, n) for curve in (STUDY.proxy(TUNED), TUNED) for n in (4, 8)]
    own = [STUDY.pretraining("poisson", "large"), (TUNED, 4), (TUNED, 8)]
    longest = max(sum(costs.seconds(STUDY, *cell) for cell in cells) for cells in (chain, own))
    assert costs.wall_hours(STUDY, 1000, ["e"]) == pytest.approx(longest / 3600)


def test_the_actual_time_has_that_of_proxies():
    seconds = dict.fromkeys(STUDY.cells(["e"]), 3600.0)
    table = costs.beside_actual(STUDY, costs.forecast(STUDY, ["e"]), seconds).set_index("experiment")
    assert table["trained_hours"].to_dict() == {"pre-training": 2, "proxies": 4, "e": 4, "all": 10}
    assert set(seconds) == {*STUDY.downstream("e"), *STUDY.pretrained(["e"]), *STUDY.only_for_transfer(["e"])}


def test_the_whole_paper_may_be_planned_with_transferred_rates():
    """Typed over the config: what it saves is known before anything is trained."""
    full = load_study("paper")
    arm = {"transferred_from": "fno_small", "recipe": "tried"}
    transferred = {"learning_rates": {"scratch": arm, "fine_tuned": arm | {"bracket": 3}}}
    tried = full.recipes["downstream"].settings()
    used = {curve.recipe for curve, _ in full.cells(full.reported)}
    controls = [name for name in full.recipes if name.startswith("downstream") and name not in used]
    recipes = {name: {"learning_rates": tried["learning_rates"]} for name in controls}
    in_mup = {"parametrization": "mup", "base": {"width": 16, "modes": 16}}
    found = load_study(
        "paper",
        models=dict.fromkeys(full.models, in_mup),
        recipes=recipes | {"downstream": transferred, "tried": tried},
    )
    table, whole = (
        costs.forecast(of, full.reported).set_index("experiment").loc["all"] for of in (found, full)
    )
    assert table["trainings"] + table["trainings_saved"] == whole["trainings"]
    assert table["device_hours"] + table["device_hours_saved"] == pytest.approx(whole["device_hours"])
    assert table["device_hours_saved"] == pytest.approx(607, abs=1)  # docs/slurm.md


def test_a_report_reads_the_cells_of_proxies_that_no_table_has():
    read = inputs.report(STUDY, ANSWERS).pretrained
    assert set(read) == {*STUDY.pretrained(["e"]), *STUDY.only_for_transfer(["e"])}
