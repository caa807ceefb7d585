"""DPOT against its equations, its published sizes and what it is built of."""

import subprocess
import sys

import pytest
import torch

from oracles import dpot_by_fft, errors_of
from pdetransfer.models import mixers
from pdetransfer.models.dpot import DPOT
from pdetransfer.models.mixers import Attention, FourierMixer

SIZES = {
    "width": 16,
    "num_layers": 2,
    "num_heads": 2,
    "mlp_ratio": 2,
    "patch": 4,
    "num_patches": 4,
    "readout_width": 6,
}
PUBLISHED = {  # width, num_layers, num_heads, mlp_ratio, readout_width
    "tiny": ((512, 4, 4, 1, 32), 7_534_643),
    "small": ((1024, 6, 8, 1, 32), 30_801_459),
    "medium": ((1024, 12, 8, 4, 32), 122_125_875),
    "large": ((1536, 24, 16, 4, 128), 509_018_739),
    "huge": ((2048, 27, 8, 4, 128), 1_031_082_099),
}
NO_CONSTANTS = torch.empty(3, 0)


def build(num_frames=3, channels=2, **sizes):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        in_channels = num_frames * channels
        return DPOT(**SIZES | sizes, in_channels=in_channels, out_channels=channels)


def frames(*grid, count=3, channels=6):
    return torch.randn(count, channels, *grid, generator=torch.Generator().manual_seed(1))


def counted(model):
    return sum(parameter.numel() for parameter in model.parameters())


def num_parameters(
    width,
    num_layers,
    num_heads,
    mlp_ratio,
    patch,
    num_patches,
    readout_width,
    in_channels,
    out_channels,
    mixer,
):
    """Parameters of a DPOT, from its sizes alone."""
    n_y, n_x = (num_patches,) * 2 if isinstance(num_patches, int) else num_patches
    narrow = out_channels * patch + 3
    embedding = ((out_channels + 3) * patch**2 + 1) * narrow + (narrow + 1) * width + n_y * n_x * width
    aggregation = in_channels // out_channels * width**2 + width
    mixers = {
        "fourier": 4 * width * (width // num_heads + 1),
        "attention": 4 * width * (width + 1),
    }
    mlp = (2 * width + 1) * mlp_ratio * width + width
    head = (width * patch**2 + 1) * readout_width + (readout_width + 1) * (readout_width + out_channels)
    return embedding + aggregation + num_layers * (4 * width + mixers[mixer] + mlp) + head


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameter_counts_are_those_of_the_public_checkpoints(name):
    """They have a classifier of 12 datasets, too, whose loss has the weight zero."""
    (width, num_layers, num_heads, mlp_ratio, readout), expected = PUBLISHED[name]
    with torch.device("meta"):
        model = DPOT(width, num_layers, num_heads, 8, 16, readout, 40, 4, mlp_ratio)
    assert all(parameter.is_meta for parameter in model.parameters())
    classifier = 2 * (width + 1) * width + (width + 1) * 12
    assert counted(model) + classifier == expected


@pytest.mark.parametrize("mixer", ["fourier", "attention"])
@pytest.mark.parametrize("num_patches", [5, (3, 4)])
def test_the_count_of_parameters_follows_from_the_sizes(mixer, num_patches):
    sizes = SIZES | {"mixer": mixer, "num_patches": num_patches, "in_channels": 12, "out_channels": 3}
    assert num_parameters(**sizes) == counted(DPOT(**sizes))


@pytest.mark.parametrize("by_products", [True, False])
@pytest.mark.parametrize(
    ("grid", "sizes"),
    [
        ((16, 16), {}),
        ((16, 16), {"num_heads": 1, "mlp_ratio": 1, "num_layers": 4}),
        ((12, 20), {"num_patches": (3, 5)}),
        ((20, 12), {"num_frames": 1}),
        ((32, 16), {"modes": 2}),
        ((20, 28), {"modes": 3, "channels": 1, "num_frames": 10}),
        ((10, 6), {"patch": 2, "modes": 8}),
        ((16, 18), {"patch": 2, "modes": 4}),
        ((18, 16), {"patch": 2, "modes": 5}),
        ((9, 9), {"patch": 1, "num_heads": 16}),
    ],
)
def test_outputs_and_gradients_are_those_of_complex_arithmetic(grid, sizes, by_products, device, monkeypatch):
    """In single precision against double, whichever way the transform takes; 1e-5 of their norm."""
    monkeypatch.setattr(mixers, "takes_products", lambda tokens, device: by_products)
    torch.manual_seed(2)
    channels = sizes.get("num_frames", 3) * sizes.get("channels", 2)
    x = frames(*grid, channels=channels)
    of_outputs, of_gradients = errors_of(dpot_by_fft, build(**sizes), device, x)
    assert of_outputs < 1e-5
    assert max(of_gradients.values()) < 1e-5, of_gradients


def test_the_tokens_of_the_published_grid_are_transformed_by_fft_on_a_processor_alone():
    processor, gpu = map(torch.device, ("cpu", "cuda"))
    assert mixers.takes_products((8, 8), processor)
    assert not mixers.takes_products((16, 16), processor)
    assert mixers.takes_products((16, 16), gpu)
    assert not mixers.takes_products((32, 32), gpu)


@pytest.mark.parametrize("by_products", [True, False])
def test_kept_modes_have_both_signs(by_products, monkeypatch):
    """A field and its mirror image along the first axis mix to mirror images, and other modes are not mixed."""
    monkeypatch.setattr(mixers, "takes_products", lambda tokens, device: by_products)
    torch.manual_seed(0)
    mixer, y = FourierMixer(8, 2, modes=3).double(), torch.randn(8, 3, 10, 8, dtype=torch.float64)

    def mirrored(v):
        return v.flip(2).roll(1, 2)

    mixed = mixer(y)
    torch.testing.assert_close(mixer(mirrored(y)), mirrored(mixed))
    change = torch.fft.fft2(mixed - y).abs().amax((0, 1))
    wavenumbers = [torch.fft.fftfreq(n, 1 / n).abs() for n in (10, 8)]
    kept = torch.maximum(wavenumbers[0][:, None], wavenumbers[1]) < 3
    assert change[kept].min() > 1e-6
    assert change[~kept].max() < 1e-12


def test_attention_is_pytorchs():
    torch.manual_seed(0)
    mixer, expected = Attention(16, 4).double(), torch.nn.MultiheadAttention(16, 4).double()
    expected.load_state_dict(
        {
            "in_proj_weight": mixer.qkv.weight,
            "in_proj_bias": mixer.qkv.bias,
            "out_proj.weight": mixer.out.weight,
            "out_proj.bias": mixer.out.bias,
        }
    )
    y = torch.randn(16, 3, 4, 5, dtype=torch.float64)
    tokens = y.flatten(2).permute(2, 1, 0)  # (tokens, batch, width)
    attended, _ = expected(tokens, tokens, tokens, need_weights=False)
    torch.testing.assert_close(mixer(y), y + attended.permute(2, 1, 0).view(y.shape))


def test_all_but_the_mixer_is_the_same_whichever_it_is():
    fourier, attention = (
        {name: value.shape for name, value in build(mixer=mixer).state_dict().items() if "mixer" not in name}
        for mixer in ("fourier", "attention")
    )
    assert fourier == attention


@pytest.mark.parametrize("mixer", ["fourier", "attention"])
def test_what_a_block_adds_does_not_change_with_the_scale_of_its_input(mixer):
    block = build(mixer=mixer).double().blocks[0]
    z = 1e3 * torch.randn(16, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(block(10 * z) - 10 * z, block(z) - z)


@pytest.mark.parametrize("mixer", ["fourier", "attention"])
@pytest.mark.parametrize("grid", [(16, 16), (8, 24), (48, 44)])
def test_any_grid_of_whole_patches_gives_the_next_frame(mixer, grid):
    model, x = build(mixer=mixer), frames(*grid)
    u = model(x, NO_CONSTANTS)
    assert u.shape == (3, 2, *grid)
    torch.testing.assert_close(model(x[1:2], NO_CONSTANTS[:1]), u[1:2], rtol=1e-4, atol=1e-5)


def test_positions_are_interpolated_to_the_tokens():
    """On a grid of twice the size, the model is the one whose positions are interpolated beforehand."""
    model, finer = build(), build(num_patches=8)
    positions = torch.nn.functional.interpolate(model.embedding.positions, (8, 8), mode="bilinear")
    finer.load_state_dict(model.state_dict() | {"embedding.positions": positions.detach()})
    x = frames(32, 32)
    torch.testing.assert_close(model(x), finer(x))
    model(x).sum().backward()
    assert model.embedding.positions.grad.abs().max() > 0


def test_channels_are_given_frame_by_frame():
    """The frames' order decides, and a weight for one frame reads the channels of that frame alone."""
    model, x = build(num_frames=3, channels=2), frames(16, 16)
    with torch.no_grad():
        model.embedding.weight[[0, 2]] = 0
    other = x.clone()
    other[:, [0, 1, 4, 5]] += 1
    assert torch.equal(model(other), model(x))
    other[:, 2] += 1
    assert not torch.allclose(model(other), model(x))


@pytest.mark.parametrize("mixer", ["fourier", "attention"])
def test_activations_that_are_computed_again_give_the_same_gradients(mixer):
    kept, again, x = build(mixer=mixer), build(mixer=mixer), frames(16, 16)
    again.recompute = True
    for model in (kept, again):
        model(x).square().sum().backward()
    for (name, one), other in zip(kept.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), name


@pytest.mark.parametrize("mixer", ["fourier", "attention"])
def test_several_models_at_once_are_each_alone(mixer):
    """As runs that are trained together are, on their own inputs."""
    model, inputs = build(mixer=mixer), torch.stack([frames(16, 16), frames(16, 16).flip(0)])
    weights = {name: torch.stack([value, 1.1 * value]).detach() for name, value in model.named_parameters()}
    together = torch.func.vmap(lambda weights, x: torch.func.functional_call(model, weights, (x,)))
    for run, outputs in enumerate(together(weights, inputs)):
        own = {name: value[run] for name, value in weights.items()}
        alone = torch.func.functional_call(model, own, (inputs[run],))
        torch.testing.assert_close(outputs, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mixer", ["fourier", "attention"])
def test_of_no_example_the_gradient_is_zero(mixer):
    model = build(mixer=mixer)
    model(frames(16, 16, count=0)).sum().backward()
    assert all(not parameter.grad.any() for parameter in model.parameters())


def test_half_precision_is_left_to_pointwise_products():
    model, x = build(), frames(16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = model(x)
    assert outputs.dtype == torch.float32
    torch.testing.assert_close(outputs, model(x), rtol=0.1, atol=0.02)


def test_the_model_fits_two_examples():
    model, x = build(patch=2, num_patches=4, readout_width=16), frames(8, 8, count=2)
    target = x[:, :2].roll(2, 3)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        loss = (model(x) - target).square().mean() / target.square().mean()
        loss.backward()
        optimiser.step()
    assert loss < 1e-2


def test_weights_start_as_published():
    torch.manual_seed(0)
    model = DPOT(64, 1, 4, 4, 16, 8, in_channels=20, out_channels=2).requires_grad_(False)
    embedding, (layer, _) = model.embedding, model.blocks[0].mixer.layers
    for uniform in (layer.weight * 16**2, layer.bias * 16**2):
        assert 0 <= uniform.min() < uniform.max() <= 1
        assert abs(uniform.mean() - 1 / 2) < 0.1
    assert embedding.weight.std() * 10 * 64**0.5 == pytest.approx(1, rel=0.02)
    assert embedding.positions.std() == pytest.approx(0.02, rel=0.05)
    assert torch.allclose(embedding.gamma.log2(), torch.linspace(-10, 10, 64), atol=1e-5)


def test_nothing_imports_pytorchs_compiler_which_takes_long_to_import():
    code = """
import sys, torch
from pdetransfer.models.dpot import DPOT
for mixer in ("fourier", "attention"):
    sizes = 16, 1, 2, 4, 4, 4, 6, 2, 1, mixer
    with torch.device("meta"):
        DPOT(*sizes)
    model = DPOT(*sizes)
    for grid in ((16, 16), (48, 48)):
        model(torch.randn(2, 6, *grid), torch.empty(2, 0)).sum().backward()
print("torch._dynamo" in sys.modules)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def test_a_patch_must_divide_the_grid():
    with pytest.raises(ValueError, match=r"patch is 4 on a grid of \(16, 18\)"):
        build()(frames(16, 18))


@pytest.mark.parametrize("sizes", [{"in_channels": 7}, {"num_heads": 3}, {"width": 12}])
def test_sizes_must_fit_together(sizes):
    with pytest.raises(ValueError, match=r"7|3|12"):
        DPOT(**SIZES | {"in_channels": 6, "out_channels": 2} | sizes)
