import dataclasses
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file

import pdetransfer
from cases import OF_FIELDS, SIZES, as_examples
from pdetransfer.base.tensors import save_tensors
from pdetransfer.models import operators
from pdetransfer.models.checkpoints import load_model, save_models, saved_seeds
from pdetransfer.models.operators import Channels, NeuralOperator, change_under_rescaling

CPU = torch.device("cpu")


@pytest.fixture
def examples(small_split):
    return as_examples(small_split(), 6)


@pytest.fixture(params=OF_FIELDS)
def operator(request, examples):
    return build(examples, request.param)


def test_an_example_and_ten_times_it_give_the_same_input(examples, operator):
    """But for rounding to float32; without normalisation they are as far apart as they are given."""
    assert change_under_rescaling(operator, examples) < 1e-6
    assert change_under_rescaling(build(examples, input_normalisation=False), examples) == pytest.approx(9)


def build(examples, kind="fno", seed=0, **keys):
    architecture = {"kind": kind, **SIZES[kind], **keys}
    return NeuralOperator(architecture, Channels.of(examples, architecture), examples.references(), seed)


def channels(inputs):
    """All channels of normalised inputs, ``(count, channels, *grid)``."""
    constants = inputs.constants[:, :, None, None].expand(-1, -1, *inputs.fields.shape[2:])
    return torch.cat([inputs.fields, constants], dim=1)


def test_scaling_source_and_coefficients_together_changes_nothing(operator, examples):
    """(f, K) and (10 f, 10 K) have the same solution (arXiv 2306.00258, A.5)."""
    scaled = dataclasses.replace(
        examples, fields=10 * examples.fields, coefficients=10 * examples.coefficients
    )
    before, after = operator.inputs(examples, CPU), operator.inputs(scaled, CPU)
    torch.testing.assert_close(channels(after), channels(before), rtol=1e-6, atol=0)


def test_inputs_are_of_order_one(operator, examples):
    """The source has the reference RMS, a typical coefficient is 1 after normalisation."""
    batch = channels(operator.inputs(examples, CPU))
    rms = batch[:, 0].square().mean(dim=(1, 2)).sqrt()
    torch.testing.assert_close(rms, torch.full_like(rms, operator.references["source"]))
    assert (batch[:, 1:, 0, 0].abs().median(dim=0).values - 1).abs().max() < 0.6


def test_channels_are_filled_by_name(operator, examples):
    turned = dataclasses.replace(
        examples, coefficients=examples.coefficients[:, ::-1], coefficient_names=("k12", "k22", "k11")
    )
    expected = channels(operator.inputs(examples, CPU))
    torch.testing.assert_close(channels(operator.inputs(turned, CPU)), expected, rtol=0, atol=0)


def test_a_coefficient_that_a_system_lacks_is_zero(operator, examples):
    fewer = dataclasses.replace(
        examples, coefficients=examples.coefficients[:, :2], coefficient_names=("k11", "k22")
    )
    batch = channels(operator.inputs(fewer, CPU))
    assert batch[:, 3].abs().max() == 0
    torch.testing.assert_close(batch[:, :3], channels(operator.inputs(examples, CPU))[:, :3])


def test_without_normalisation_inputs_are_the_source_and_the_coefficients_as_they_are(examples):
    operator = build(examples, input_normalisation=False)
    batch = channels(operator.inputs(examples, CPU)).numpy()
    np.testing.assert_array_equal(batch[:, :1], examples.fields)
    for channel in range(3):
        expected = np.broadcast_to(examples.coefficients[:, channel, None, None], (6, 16, 16))
        np.testing.assert_array_equal(batch[:, 1 + channel], expected.astype(np.float32))


def test_without_normalisation_missing_coefficients_are_zero_and_a_source_may_be(examples):
    """Lacking by name, or NaN as in a mixture."""
    operator = build(examples, input_normalisation=False)
    coefficients = examples.coefficients.copy()
    coefficients[::2, 1] = np.nan
    lacking = dataclasses.replace(
        examples,
        fields=0 * examples.fields,
        coefficients=coefficients[:, :2],
        coefficient_names=("k11", "k22"),
    )
    batch = channels(operator.inputs(lacking, CPU)).numpy()
    assert np.abs(batch[:, 3]).max() == np.abs(batch[::2, 2]).max() == np.abs(batch[:, 0]).max() == 0
    np.testing.assert_array_equal(batch[1::2, 2, 0, 0], coefficients[1::2, 1].astype(np.float32))


def test_normalisation_does_not_change_the_initial_weights(examples):
    default, raw = build(examples), build(examples, input_normalisation=False)
    for name, value in default.model.state_dict().items():
        torch.testing.assert_close(raw.model.state_dict()[name], value, rtol=0, atol=0)


def test_channels_that_do_not_fit_are_named(operator, examples):
    other = dataclasses.replace(examples, coefficient_names=("k11", "k22", "omega"))
    with pytest.raises(ValueError, match=r"channels \['source', 'k11', 'k22', 'omega'\]; expected fields"):
        operator.inputs(other, CPU)
    empty = dataclasses.replace(examples, fields=examples.fields * (np.arange(6) != 4).reshape(6, 1, 1, 1))
    with pytest.raises(ValueError, match="the source of example 4 is zero everywhere"):
        operator.inputs(empty, CPU)


def test_a_saved_model_predicts_from_its_file_alone(operator, examples, tmp_path):
    other = build(examples, operator.architecture["kind"], seed=5)
    path = tmp_path / "weights.safetensors"
    states = [operator.model.state_dict(), other.model.state_dict()]
    references = [operator.references, operator.references]
    save_models(path, operator.architecture, operator.channels, [0, 5], references, states)
    physical = dict(zip(("k11", "k22", "k12"), examples.coefficients.T, strict=True))
    source = examples.fields[:, 0]
    for seed, original in ((None, operator), (0, operator), (5, other)):
        loaded = pdetransfer.load_model(path, seed)
        expected = original.apply(original.inputs(examples, CPU))[:, 0].numpy()
        np.testing.assert_array_equal(loaded.predict(source=source, **physical)["solution"], expected)
        single = loaded.predict(source=source[2], **{name: value[2] for name, value in physical.items()})
        np.testing.assert_allclose(single["solution"][0], expected[2], rtol=1e-4, atol=1e-6)
    assert saved_seeds(path) == [0, 5]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with pytest.raises(ValueError, match=r"seed is 1; .* has \[0, 5\]"):
        load_model(path, 1)


def test_on_either_device_the_predictions_are_the_same(operator, examples, device):
    physical = dict(zip(("k11", "k22", "k12"), examples.coefficients.T, strict=True))
    physical["source"] = examples.fields[:, 0]
    expected = operator.predict(**physical)["solution"]
    operator.model.to(device)
    np.testing.assert_allclose(operator.predict(**physical)["solution"], expected, rtol=1e-4, atol=1e-6)


def test_an_input_may_have_any_name_of_an_argument(examples):
    renamed = dataclasses.replace(examples, coefficient_names=("self", "name", "k12"))
    physical = dict(zip(renamed.coefficient_names, examples.coefficients.T, strict=True))
    found = build(renamed).predict(source=examples.fields[:, 0], **physical)["solution"]
    assert found.shape == (6, 16, 16)


def test_a_model_is_loaded_without_pytorchs_compiler_which_takes_long_to_import(operator, tmp_path):
    path = tmp_path / "weights.safetensors"
    states, references = [operator.model.state_dict()], [operator.references]
    save_models(path, operator.architecture, operator.channels, [0], references, states)
    code = f"import sys; from pdetransfer import load_model; load_model({str(path)!r}); "
    code += "print('torch._dynamo' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
def test_physical_inputs_of_every_kind_of_number_are_the_same(operator, examples, dtype):
    """A mask, or counts: what is physical is a real number, however it is stored."""
    source = (examples.fields[:, 0] > 0).astype(dtype)
    coefficients = {"k11": 0.01, "k22": np.full(6, 0.02), "k12": 0}
    found = operator.predict(source=source, **coefficients)["solution"]
    expected = operator.predict(source=source.astype(np.float32), **coefficients)["solution"]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    whole = dataclasses.replace(examples, fields=source[:, None])
    assert torch.isfinite(operator.inputs(whole, CPU).fields).all()


GIVEN = np.ones((3, 16, 16))
NANS = np.where(np.arange(3)[:, None, None] == 1, np.nan, GIVEN)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"source": GIVEN * 1j},
            r"source is of type complex128 and shape \(3, 16, 16\); expected real numbers",
        ),
        ({"source": GIVEN.astype(object)}, "source is of type object"),
        ({"source": "ones"}, "source is of type <U4"),
        ({"source": NANS}, r"source, of shape \(3, 16, 16\), has values that are not finite"),
        ({"source": GIVEN[:0]}, r"source has shape \(0, 16, 16\); expected \(count, y, x\) or \(y, x\)"),
        ({"source": GIVEN[0, 0]}, r"source has shape \(16,\)"),
        ({"source": GIVEN[:, None]}, r"source has shape \(3, 1, 16, 16\)"),
        ({"source": 0 * GIVEN}, "the source of example 0 is zero everywhere"),
        ({"k11": None}, "k11 is of type object"),
        ({"k11": np.nan}, r"k11, of shape \(\), has values that are not finite"),
        ({"k11": np.ones((3, 1))}, r"k11 has shape \(3, 1\); expected a number, or \(3,\)"),
        ({"source": GIVEN[0], "k11": np.ones(5)}, r"k11 has shape \(5,\); expected a number, or \(1,\)"),
    ],
)
def test_inputs_that_cannot_be_are_named(operator, inputs, message):
    with pytest.raises(ValueError, match=message) as raised:
        operator.predict(**{"source": GIVEN, "k11": 1.0, "k22": 1.0, "k12": 0.0} | inputs)
    assert "\n" not in str(raised.value)


def test_the_batch_of_an_evaluation_follows_the_grid(operator, examples, monkeypatch):
    sizes = []
    operator.model.register_forward_hook(lambda model, given, made: sizes.append(len(made)))
    inputs = operator.inputs(examples, CPU)
    whole = operator.apply(inputs)
    monkeypatch.setattr(operators, "_EVALUATION_POINTS", 2 * 16 * 16)
    torch.testing.assert_close(operator.apply(inputs), whole, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(operators, "_EVALUATION_POINTS", 1)
    operator.apply(inputs)
    assert sizes == [6, 2, 2, 2, *6 * [1]]


def own(examples, factor=1.0):
    """As a user's file in other units has them."""
    fields, outputs = np.float32(factor) * examples.fields, np.float32(factor) * examples.outputs
    return dataclasses.replace(examples, fields=fields, outputs=outputs, own_units=True)


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**70, 2.0**-100])
def test_a_network_sees_nothing_of_the_units_of_a_file(examples, factor):
    """Powers of two, so that all is the same to the bit."""
    one, other = build(own(examples)), build(own(examples, factor))
    before, after = one.inputs(own(examples), CPU), other.inputs(own(examples, factor), CPU)
    assert torch.equal(before.fields, after.fields)
    assert torch.equal(before.constants, after.constants)
    targets = one.targets(own(examples), CPU)
    assert torch.equal(targets, other.targets(own(examples, factor), CPU))
    for field in (targets, one.inputs(own(examples), CPU).fields):
        assert 0.1 < field.square().mean().sqrt() < 10
    np.testing.assert_array_equal(
        other.outputs(own(examples, factor)), np.float32(factor) * one.outputs(own(examples))
    )


def test_generated_data_is_given_as_the_paper_has_it(examples, operator):
    assert set(operator.references) == {"source", "k11", "k22", "k12"}
    assert torch.equal(operator.targets(examples, CPU), torch.from_numpy(examples.outputs))


@pytest.mark.parametrize("pre_trained_on", ["generated", "own"])
def test_a_file_in_other_units_than_the_pre_trainings_is_refused(examples, pre_trained_on):
    operator = build(examples if pre_trained_on == "generated" else own(examples))
    operator.check_units(examples)
    operator.check_units(own(examples, 15))
    for factor in (1e-6, 1e4):
        with pytest.raises(ValueError, match="the same units") as raised:
            operator.check_units(own(examples, factor))
        remedy = re.search("multiply both source and solution by ([0-9e.+-]+)", str(raised.value))
        assert 0.3 < float(remedy[1]) * factor < 3


def test_without_coefficients_the_units_are_those_of_the_solutions(examples):
    bare = dataclasses.replace(examples, coefficients=np.empty((8, 0))[: len(examples)], coefficient_names=())
    operator = build(own(bare))
    assert change_under_rescaling(operator, own(bare)) < 1e-6
    operator.check_units(own(bare, 2))
    with pytest.raises(ValueError, match=r"solutions are 1e-06 times .* by 1e\+06"):
        operator.check_units(own(bare, 1e-6))
    assert operator.predict(source=bare.fields[:, 0])["solution"].shape == (6, 16, 16)


def test_predict_names_missing_and_unknown_inputs(operator, examples):
    with pytest.raises(
        ValueError, match=r"given are \['k11', 'source'\]; expected exactly \['k11', 'k12', 'k22'"
    ):
        operator.predict(source=examples.fields[0, 0], k11=0.01)


def test_a_file_that_is_not_ours_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"format": json.dumps("pt")})
    with pytest.raises(ValueError, match=r"other.safetensors is a safetensors file of another tool"):
        load_model(path)


PICKLED, OLD = io.BytesIO(), io.BytesIO()
torch.save({"weight": torch.zeros(2)}, PICKLED)
torch.save({"weight": torch.zeros(2)}, OLD, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>404</html>", "it is a page in HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "pointer of Git LFS; `git lfs pull`"),
        (PICKLED.getvalue(), "it is a zip archive, as torch.save writes"),
        (OLD.getvalue(), "it is what early versions of torch.save wrote"),
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
        (bytes(range(200)), "it is of another kind, cut off or damaged"),
        (save({"a": torch.zeros(9)})[:-4], "it is of another kind, cut off or damaged"),
    ],
)
def test_a_file_of_another_kind_is_told_and_is_not_to_be_deleted(tmp_path, content, what):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"model.pt is no safetensors file: .*{what}") as caught:
        load_model(path)
    assert "delete" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_there_are_no_weights_is_said(tmp_path):
    told = "expected the folder of a cell or of a model, or its weights.safetensors"
    for folder in ("empty", "curve/n8", "curve/n16"):
        (tmp_path / folder).mkdir(parents=True)
    for path, what in (
        ("nowhere", "does not exist"),
        ("empty", "has no weights.safetensors: it is empty"),
        ("curve", "has no weights.safetensors, but n16, n8"),
    ):
        with pytest.raises(FileNotFoundError, match=f"{path} {what}; {told}"):
            load_model(tmp_path / path)


@pytest.mark.parametrize("seed", [None, 0])
def test_the_state_of_a_run_is_no_model(tmp_path, seed):
    path = tmp_path / "lr0.001_seed0.safetensors"
    save_tensors(path, {"a": torch.zeros(1)}, {"done": True})
    with pytest.raises(ValueError, match="holds no model that can be rebuilt: KeyError: 'seeds'"):
        load_model(path, seed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "pickle"}, "kind is 'pickle'; expected one of"),
        ({"width": 10**12}, "width is 1000000000000, and the file has"),
        ({"modes": 5}, "has the shape"),
        ({"num_layers": -1}, "num_layers is -1"),
        ({"depth": 3}, "depth"),
        ({"in_channels": 3}, "in_channels"),
    ],
)
def test_a_hostile_checkpoint_is_refused_in_one_sentence(tmp_path, small_split, change, message):
    """Its checksum is right, and what it says is wrong."""
    architecture = {"kind": "fno", **SIZES["fno"]}
    examples = as_examples(small_split(), 4)
    operator = NeuralOperator(architecture, Channels.of(examples, architecture), examples.references(), 0)
    path = tmp_path / "weights.safetensors"
    state, references = operator.model.state_dict(), operator.references
    save_models(path, architecture | change, operator.channels, [0], [references], [state])
    with pytest.raises(ValueError, match="holds no model that can be rebuilt: .*" + message) as caught:
        pdetransfer.load_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("at", [3, 200, -1])
def test_a_damaged_checkpoint_is_refused_wherever_it_is_damaged(tmp_path, small_split, at):
    architecture = {"kind": "fno", **SIZES["fno"]}
    examples = as_examples(small_split(), 4)
    operator = NeuralOperator(architecture, Channels.of(examples, architecture), examples.references(), 0)
    path = tmp_path / "weights.safetensors"
    state, references = operator.model.state_dict(), operator.references
    save_models(path, architecture, operator.channels, [0], [references], [state])
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights\.safetensors") as caught:
        pdetransfer.load_model(path)
    assert "delete" not in str(caught.value)
