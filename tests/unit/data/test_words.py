"""What datasets, parameters and units are called."""

import pytest

from cases import OPTIONS
from configs import ROOT
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.systems.words import dataset_in_words, letter, system_in_words, unit_of
from pdetransfer.plan.load import load

CALLED = {
    "transfer": {
        "poisson_e5-10": "SYS-1, e from 5 to 10",
        "poisson_e1-2.5": "SYS-1, e from 1 to 2.5",
        "advection_diffusion_psi0.2-1": "SYS-2, Ψ from 0.2 to 1",
        "helmholtz_w11-15": "SYS-3, ω from 11 to 15",
        "mixed": "Mixture of SYS-1, SYS-2, SYS-3",
    },
    "mutransfer": {
        "darcy": "Darcy flow",
        "burgers": "Burgers' equation",
        "navier_stokes": "Navier-Stokes flow, viscosity 1e-3",
    },
    "dpot": {
        "ns_thin": "Navier-Stokes flow, viscosity 5e-4",
        "shallow_water": "Shallow water",
        "no_shallow_water": "Mixture of Navier-Stokes flow, Diffusion and reaction",
    },
}


@pytest.mark.parametrize("name", CALLED)
def test_datasets_of_the_projects_studies_are_called_as_people_say_them(name):
    study = load(ROOT / "config", {"study": name, "scale": "laptop", "overrides": {}}, {})
    assert {dataset: study.in_words(dataset) for dataset in CALLED[name]} == CALLED[name]


def test_a_users_file_of_no_known_system_has_its_name_alone():
    files = {split: f"{split}.h5" for split in ("train", "validation", "test")}
    typed = {"datasets": {"own": {"coefficients": [], "files": files}}}
    study = load(ROOT / "config", {"study": "transfer", "scale": "laptop", "overrides": {}}, typed)
    assert study.in_words("own") == system_in_words("own") == "own"


@pytest.mark.parametrize("system", OPTIONS)
def test_every_system_has_a_title_a_letter_for_its_shift_and_units(system):
    parameter = SYSTEMS[system].shifted
    assert dataset_in_words(system, {}) == system_in_words(system) == SYSTEMS[system].title
    if parameter:
        words = dataset_in_words(system, {f"{parameter}_range": (1, 2)})
        assert words == f"{SYSTEMS[system].title}, {letter(SYSTEMS[system].symbols[parameter])} from 1 to 2"
        assert not set(words) & {"\\", "&", ";"}
    for name in SYSTEMS[system].fields + SYSTEMS[system].outputs:
        assert not unit_of(system, name).startswith("1 (")


def test_a_unit_is_said_where_there_is_one():
    assert unit_of("poisson", "solution") == unit_of("darcy", "solution") == unit_of(None, "anything") == ""
    assert unit_of("burgers", "solution") == "domain length / time"
    assert unit_of("navier_stokes", "vorticity") == "1 / time"
