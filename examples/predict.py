"""Load a trained model, predict a new Poisson equation, and plot it beside the exact solution.

snakemake results/transfer/laptop/models/poisson_e5-10/fno_medium/poisson/downstream/n64
python examples/predict.py results/transfer/laptop/models/poisson_e5-10/fno_medium/poisson/downstream/n64 p.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import pdetransfer
from pdetransfer.data.grid import Grid
from pdetransfer.data.systems.poisson import diffusion_tensor
from pdetransfer.data.systems.registry import SYSTEMS

NUM_POINTS = 32
EIGENVALUE, ANGLE = 7.0, np.pi / 5  # of K; the other eigenvalue is 1


def new_equation() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients ``(1, 3)``, source and exact solution ``(1, N, N)`` of -div(K grad u) = f, f two Gaussians."""
    grid = Grid(NUM_POINTS)
    y, x = np.meshgrid(grid.points, grid.points, indexing="ij")
    source = sum(
        weight * np.exp(-((x - x_0) ** 2 + (y - y_0) ** 2) / (2 * 0.0625**2))
        for weight, x_0, y_0 in ((1.0, 0.3, 0.35), (0.8, 0.65, 0.7))
    )[None]
    source -= source.mean()  # a periodic solution needs a source without a mean
    coefficients = diffusion_tensor(np.array([EIGENVALUE]), np.array([ANGLE]))
    return coefficients, source, SYSTEMS["poisson"].solve(coefficients, source, grid)


def main(folder: str, picture: str) -> None:
    coefficients, source, exact = new_equation()
    operator = pdetransfer.load_model(folder)
    # A model that was pre-trained on other systems, too, has their coefficients; this equation lacks them.
    given = dict.fromkeys(operator.channels.coefficients, 0.0) | dict(
        zip(("k11", "k22", "k12"), coefficients[0], strict=True)
    )
    predicted = operator.predict(source=source, **given)["solution"]
    error = np.linalg.norm(predicted - exact) / np.linalg.norm(exact)
    print(f"relative L2 error {error:.3g}")

    limit = np.abs(exact).max()
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.9), layout="constrained")
    figure.colorbar(axes[0].imshow(source[0], origin="lower", cmap="cividis"), ax=axes[0], shrink=0.7)
    for panel, field in zip(axes[1:], (exact, predicted), strict=True):
        shown = panel.imshow(field[0], origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(shown, ax=axes[1:], shrink=0.7)
    for panel, title in zip(axes, ("source", "exact", f"predicted, error {error:.2g}"), strict=True):
        panel.set(title=title, xticks=[], yticks=[])
    figure.savefig(picture, dpi=150)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(
            "usage: python examples/predict.py MODEL PICTURE, the folder of a trained model and a file to draw to"
        )
    main(*sys.argv[1:])
