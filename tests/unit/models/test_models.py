"""Every architecture of the registry: what a neural operator must do, and one of fields on a periodic grid."""

import copy

import pytest
import torch

from cases import OF_FIELDS, SIZES
from oracles import errors_of_fno, fno_by_fft
from pdetransfer.models import transforms
from pdetransfer.models.fno import FNO
from pdetransfer.models.registry import MODELS
from pdetransfer.training.evaluation import relative_l2, squared_error


@pytest.fixture(params=MODELS)
def kind(request):
    return request.param


@pytest.fixture(params=OF_FIELDS)
def kind_of_fields(request):
    return request.param


def build(kind, seed=0, in_channels=4, out_channels=1):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MODELS[kind](**SIZES[kind], in_channels=in_channels, out_channels=out_channels)


def inputs(count=3, channels=4, num_points=16, seed=1):
    return torch.randn(count, channels, num_points, num_points, generator=torch.Generator().manual_seed(seed))


def test_every_model_has_its_sizes():
    assert set(SIZES) == set(MODELS)


def test_channels_and_grid(kind):
    assert build(kind, in_channels=6, out_channels=2)(inputs(channels=6)).shape == (3, 2, 16, 16)


def test_of_no_example_the_gradient_is_zero(kind):
    """A process may have none of a small batch's."""
    model = build(kind)
    model(inputs(0)).sum().backward()
    assert all(not parameter.grad.any() for parameter in model.parameters())


def test_the_gradient_reaches_every_parameter(kind):
    model = build(kind)
    model(inputs()).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("recompute", [False, True])
def test_without_a_gradient_the_outputs_are_the_same_and_a_gradient_can_follow(kind, recompute):
    model, x = build(kind), inputs(num_points=20)  # a grid that no other test has cached anything for
    model.recompute = recompute
    with torch.inference_mode():
        outputs = model(x)
    with torch.no_grad():
        assert torch.equal(outputs, model(x))
    u = model(x)
    assert torch.equal(outputs, u)
    u.sum().backward()


def test_the_model_commutes_with_translations(kind_of_fields):
    model, x = build(kind_of_fields), inputs()
    shifted = model(x.roll((3, 5), (2, 3)))
    torch.testing.assert_close(shifted, model(x).roll((3, 5), (2, 3)), rtol=1e-4, atol=1e-5)


def test_a_constant_is_a_channel_that_is_the_same_everywhere(kind_of_fields):
    model, x, constants = build(kind_of_fields), inputs(), torch.tensor([[1.0, -2.0], [0.0, 3.0], [5.0, 0.5]])
    x[:, 2:] = constants[:, :, None, None]
    torch.testing.assert_close(model(x[:, :2], constants), model(x), rtol=1e-4, atol=1e-5)


def test_the_seed_decides_the_weights(kind):
    first, again, other = (build(kind, seed)(inputs()) for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.allclose(first, other)


def test_the_model_fits_two_examples(kind):
    model, x = build(kind), inputs(2)
    target = x[:, :1].roll(2, 3)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(400):
        optimiser.zero_grad()
        loss = (model(x) - target).square().mean() / target.square().mean()
        loss.backward()
        optimiser.step()
    assert loss < 1e-2


def test_a_finer_grid_gives_the_same_function(kind_of_fields):
    """A smooth input sampled more finely gives the same output, sampled more finely."""
    model = build(kind_of_fields).double()
    y, x = torch.meshgrid(*2 * (torch.arange(64, dtype=torch.float64) / 64,), indexing="ij")
    field = torch.cos(2 * torch.pi * (x - 2 * y)) + torch.sin(2 * torch.pi * x) + 0.5
    fine = torch.stack([field, 0.3 * torch.ones_like(x), field**2, torch.sin(2 * torch.pi * y)])[None]
    torch.testing.assert_close(model(fine)[..., ::2, ::2], model(fine[..., ::2, ::2]), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("width", "modes", "count"),
    [(16, 4, 67_281), (16, 16, 1_050_321), (32, 32, 16_783_777), (128, 32, 268_535_425)],
)
def test_fno_parameter_counts_of_the_paper(width, modes, count):
    with torch.device("meta"):
        model = FNO(width, modes, num_layers=4, in_channels=4, out_channels=1)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


@pytest.mark.parametrize("num_dims", [1, 2, 3])
def test_fno_in_other_dimensions(num_dims):
    model = FNO(3, 2, num_layers=2, in_channels=1, out_channels=2, num_dims=num_dims)
    x = torch.randn(2, 1, *(6,) * num_dims)
    y = model(x)
    assert y.shape == (2, 2, *(6,) * num_dims)
    last = x.ndim - 1
    torch.testing.assert_close(model(x.roll(2, last)), y.roll(2, last), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("grid", [(8,), (6, 8), (4, 6, 8)])
def test_coordinates_are_fields_of_their_own(grid):
    """Also of several models at once, as runs that are trained together are."""
    num_dims = len(grid)
    torch.manual_seed(0)
    model = FNO(4, 2, 2, in_channels=2, out_channels=1, num_dims=num_dims, coordinates=True)
    given = FNO(4, 2, 2, in_channels=2 + num_dims, out_channels=1, num_dims=num_dims)
    given.load_state_dict(model.state_dict())
    fields, constants = torch.randn(3, 1, *grid), torch.randn(3, 1)
    axes = torch.meshgrid(*(torch.linspace(0, 1, n) for n in grid), indexing="ij")
    with_coordinates = torch.cat([fields, torch.stack(axes).expand(3, num_dims, *grid)], dim=1)
    expected = given(with_coordinates, constants)
    torch.testing.assert_close(model(fields, constants), expected)
    weights = {name: value.detach().expand(2, *value.shape) for name, value in model.named_parameters()}
    together = torch.func.vmap(
        lambda weights, *inputs: torch.func.functional_call(model, weights, inputs), in_dims=(0, None, None)
    )
    torch.testing.assert_close(together(weights, fields, constants), expected.expand(2, *expected.shape))


@pytest.mark.parametrize("by_products", [True, False])
@pytest.mark.parametrize(
    ("grid", "modes"),
    [
        ((16,), 3),
        ((16,), 8),
        ((16, 16), 3),
        ((16, 16), 8),
        ((10, 8), 4),
        ((6, 8, 10), 2),
        ((6, 6, 6), 3),
        ((10, 14), (5, 2)),
        ((9, 16), (2, 7)),
        ((8, 12, 6), (1, 5, 3)),
        ((64, 128), 16),
    ],
)
@pytest.mark.parametrize("padding", [0.0, 0.25])
def test_fno_is_that_of_the_fft(grid, modes, padding, by_products, device, monkeypatch):
    """Outputs and gradients in single precision against double, whichever way is taken; 2 modes may be N."""
    monkeypatch.setattr(transforms, "takes_products", lambda modes: by_products)
    torch.manual_seed(2)
    shares = [padding] + [0.0] * (len(grid) - 1)  # of the first axis, which may be time
    model = FNO(5, modes, 3, in_channels=2, out_channels=2, num_dims=len(grid), padding=shares)
    of_outputs, of_gradients = errors_of_fno(model, device, torch.randn(3, 2, *grid))
    assert of_outputs < 1e-6
    assert max(of_gradients.values()) < 1e-5


@pytest.mark.slow
def test_the_fno_trains_as_that_of_the_fft_does(small_split):
    """500 steps of both, in single precision, end at the same error on other examples, to three digits."""

    def fields(split, count):
        solved = small_split(split=split, count=count).examples(0, count)
        k11, k22, k12 = torch.tensor(solved.arrays["coefficients"]).T[:, :, None, None].expand(-1, -1, 16, 16)
        x = torch.stack([torch.tensor(solved.arrays["source"]), 50 * k11, 50 * k22, 50 * k12], dim=1)
        return x.float(), torch.tensor(solved.arrays["solution"])[:, None].float()

    def error_after_training(model, forward):
        (x, u), (x_test, u_test) = fields("train", 256), fields("test", 64)
        optimiser = torch.optim.Adam(model.parameters(), lr=4e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 500)
        order = torch.Generator().manual_seed(3)
        for _ in range(500):
            rows = torch.randint(len(x), (16,), generator=order)
            optimiser.zero_grad()
            squared_error(forward(x[rows]), u[rows]).mean().backward()
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            return relative_l2(forward(x_test), u_test).mean().item()

    ours = build("fno")
    theirs = copy.deepcopy(ours)
    error = error_after_training(ours, ours)
    assert error == pytest.approx(error_after_training(theirs, lambda x: fno_by_fft(theirs, x)), rel=1e-3)
    assert error < 0.15


def test_many_modes_are_transformed_by_fft():
    assert transforms.takes_products((32, 32))  # the study's most
    assert not transforms.takes_products((8, 64))


def test_fno_weights_start_as_documented():
    model = FNO(16, 4, num_layers=1, in_channels=4, out_channels=1)
    weight, bound = model.convolutions[0].weight * 16**2, model.bypasses[0].weight.abs().max()
    assert weight.min() >= 0
    assert weight.max() <= 1
    assert abs(weight.mean() - 1 / 2) < 0.01
    assert abs(weight.var() - 1 / 12) < 0.01
    assert 0.2 < bound <= 1 / 4  # 1 / sqrt(width), PyTorch's initial weights of a pointwise layer


def test_fno_spectral_convolution_multiplies_each_kept_mode():
    """One mode in, one mode out, times the matrix of that mode; a mode beyond the kept ones gives nothing."""
    convolution = FNO(2, 3, num_layers=1, in_channels=1, out_channels=1).double().convolutions[0]
    matrices = torch.complex(*convolution.weight.split(2, dim=-1))  # (modes, 2 modes, in, out): k_x, k_y
    x, y = torch.meshgrid(*2 * (torch.arange(16, dtype=torch.float64) / 16,), indexing="ij")
    for k_y, row in ((2, 2), (-1, 5), (-3, 3)):
        wave = torch.exp(2j * torch.pi * (x + k_y * y))
        v = torch.stack([wave.real, 2 * wave.imag], dim=-1)[:, :, None]  # (x, y, batch, width)
        amplitudes = torch.tensor([1, -2j], dtype=torch.complex128)  # of exp in Re(a exp)
        expected = torch.einsum("i,io,xy->xyo", amplitudes, matrices[1, row], wave).real
        torch.testing.assert_close(convolution(v)[:, :, 0], expected)
    beyond = torch.cos(2 * torch.pi * 3 * x)[:, :, None, None].expand(16, 16, 1, 2)
    assert convolution(beyond).abs().max() < 1e-12


def test_fno_refuses_a_grid_that_is_too_coarse():
    with pytest.raises(ValueError, match=r"modes is \(4, 4\) on a grid of \(6, 6\); expected at most N / 2"):
        build("fno")(inputs(num_points=6))


@pytest.mark.parametrize("keys", [{"modes": (2, 3)}, {"padding": [0.1]}, {"padding": [0, 0, 2]}])
def test_modes_and_padding_are_by_axis(keys):
    sizes = {"width": 3, "modes": 2, "num_layers": 1, "in_channels": 1, "out_channels": 1, "num_dims": 3}
    with pytest.raises(ValueError, match=r"(modes|padding) is .*; expected"):
        FNO(**sizes | keys)


def test_padding_is_as_long_on_any_grid():
    """A field that is smooth at its ends, and a finer sampling of it, have the same outputs."""
    torch.manual_seed(0)
    model = FNO(4, 3, 2, in_channels=1, out_channels=1, num_dims=1, padding=[0.25]).double()

    def outputs(num_points):
        x = torch.arange(num_points, dtype=torch.float64) / num_points
        return model(torch.sin(torch.pi * x)[None, None] ** 4)[0, 0]

    coarse, fine = outputs(64), outputs(512)[::8]
    assert (coarse - fine).norm() < 1e-2 * fine.norm()
