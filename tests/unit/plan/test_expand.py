"""Layers, ``like`` and ``each``: from the files of a study to entries."""

import copy

import pytest

from pdetransfer.plan.expand import ConfigError, expand

STUDY = {
    "datasets": {"near": {"system": "poisson", "eigenvalue_range": [1, 5]}, "all": {"mix": ["near"]}},
    "models": {
        "small": {"kind": "fno", "sizes": {"width": 4, "modes": 2}},
        "large": {"like": "small", "depth": 8},
    },
    "recipes": {"r": {}},
    "pretrainings": {"own": {"dataset": "near", "recipe": "r"}},
    "experiments": {
        "e": {"dataset": ["near", "all"], "model": ["small", "large"], "init": ["own"], "recipe": ["r"]}
    },
    "figures": {"f": {"experiments": ["e"]}},
}


def test_later_layers_are_laid_over_earlier_ones_key_by_key():
    scale = {"models": {"small": {"sizes": {"width": 8}, "rate": 1}}, "seed": 1}
    config = expand(STUDY, scale, {"seed": 2}, {"seed": 3, "models": {"small": {"rate": 2}}})
    assert config["seed"] == 3
    assert config["models"]["small"] == {"kind": "fno", "sizes": {"width": 8, "modes": 2}, "rate": 2}


def test_like_takes_over_what_stands_after_all_layers():
    scale = {"models": {"small": {"rate": 1}}}
    config = expand(
        STUDY, scale, {"models": {"large": {"sizes": {"modes": 3}}, "more": {"like": "large", "rate": 5}}}
    )
    assert config["models"]["large"] == {
        "kind": "fno",
        "sizes": {"width": 4, "modes": 3},
        "rate": 1,
        "depth": 8,
    }
    assert config["models"]["more"] == config["models"]["large"] | {"rate": 5}


def test_nothing_that_is_given_changes():
    given = [copy.deepcopy(STUDY), {"models": {"small": {"each": {"width": [1, 2]}}}}]
    before = copy.deepcopy(given)
    expand(*given)
    assert given == before


def test_each_makes_a_member_for_every_value_and_notes_what_tells_it_apart():
    study = STUDY | {
        "models": {"small": {"kind": "fno", "each": {"width": [4, 8], "wide": [True, [1, 2.5]]}}}
    }
    config = expand(study, {})
    assert list(config["models"]) == [
        "small.width4.widetrue",
        "small.width4.wide1-2.5",
        "small.width8.widetrue",
        "small.width8.wide1-2.5",
    ]
    assert config["models"]["small.width8.wide1-2.5"] == {"kind": "fno", "width": 8, "wide": [1, 2.5]}
    assert config["families"]["models"]["small"]["small.width4.widetrue"] == {"width": 4, "wide": True}


def test_an_entry_with_the_name_of_a_member_is_laid_over_it():
    """Whichever comes first."""
    study = STUDY | {"models": {"m.width8": {"rate": 5}, "m": {"kind": "fno", "each": {"width": [4, 8]}}}}
    for over in ({}, {"models": {"m.width4": {"rate": 9}}}):
        config = expand(study | {"experiments": {}}, {}, over)
        assert config["models"]["m.width8"] == {"kind": "fno", "width": 8, "rate": 5}
        assert config["models"]["m.width4"] == {
            "kind": "fno",
            "width": 4,
            **over.get("models", {}).get("m.width4", {}),
        }


def test_a_family_stands_for_all_its_members_wherever_entries_are_named():
    """Also where the scale gives the values, and for families that are like another one."""
    scale = {
        "models": {"small": {"each": {"width": [4, 8]}}},
        "datasets": {"near": {"each": {"seed": [0, 1]}}},
    }
    config = expand(STUDY | {"pretrainings": {}}, scale)
    assert config["experiments"]["e"]["model"] == [
        "small.width4",
        "small.width8",
        "large.width4",
        "large.width8",
    ]
    assert config["experiments"]["e"]["dataset"] == ["near.seed0", "near.seed1", "all"]
    assert config["datasets"]["all"] == {"mix": ["near.seed0", "near.seed1"]}
    of_one = expand(STUDY, {"datasets": {"near": {"each": {"seed": [1]}}}})
    assert of_one["pretrainings"]["own"]["dataset"] == "near.seed1"


@pytest.mark.parametrize(
    ("scale", "over", "message"),
    [
        (
            {"models": {"smal": {}}},
            {},
            "models.smal of the scale is no entry of the study; .*did you mean 'small'",
        ),
        (
            {},
            {"models": {"x": {"like": "smal"}}},
            "models.x.like is 'smal'; expected one of .*did you mean 'small'",
        ),
        ({}, {"models": {"x": {"like": ["small"]}}}, r"models.x.like is \['small'\]; expected one of"),
        ({}, {"models": {"small": {"like": "large"}}}, "models.*like is .* circle"),
        (
            {},
            {"models": {"x": {"like": "x"}}},
            r"models.x.like is 'x', which is like this one \(x -> x\); expected no",
        ),
        (
            {},
            {"models": {"small": {"each": {"width": 4}}}},
            "models.small.each.width is 4; expected a list of values",
        ),
        (
            {},
            {"models": {"small": {"each": {"width": []}}}},
            r"each.width is \[\]; expected a list of values",
        ),
        (
            {},
            {"models": {"small": {"each": [1]}}},
            r"models.small.each is \[1\]; expected lists of values by setting",
        ),
        (
            {},
            {"datasets": {"near": {"each": {"a": [1, 2]}}}},
            "pretrainings.own.dataset is the family 'near'; expected",
        ),
        (
            {},
            {"models": {"small": {"each": {"a": [1, "1"]}}}},
            "models.small.each makes small.a1 twice; expected no",
        ),
        ({}, {"models": {64: {}}}, "models has the name 64; expected text"),
        ({}, {"figures": None}, "figures is None; expected entries by name"),
        ({}, {"models": ["small"]}, r"models is \['small'\]; expected entries by name"),
        ({}, {"models": {"small": 3}}, "models.small is 3; expected settings by name"),
    ],
)
def test_a_mistake_is_one_sentence(scale, over, message):
    with pytest.raises(ConfigError, match=message) as error:
        expand(STUDY, scale, over)
    assert "\n" not in str(error.value)
