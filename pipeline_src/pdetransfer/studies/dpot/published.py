"""Published errors, arXiv 2403.03542, Table 1: relative L2 errors of roll-outs."""

import pandas as pd

#: By dataset of ours the paper's of the same equation, FNO, DPOT-S and -M as pre-trained, -M fine-tuned.
PUBLISHED = pd.DataFrame(
    {
        "ns_thick": ["FNO-1e-3", 0.0128, 0.0131, 0.00474, 0.00427],
        "ns_thin": ["FNO-1e-4", 0.0834, 0.0442, 0.0285, 0.0144],
        "diffusion_reaction": ["PDEBench DR", 0.12, 0.0379, 0.0292, 0.0142],
        "shallow_water": ["PDEBench SWE", 0.0044, 0.00657, 0.00290, 0.00218],
    },
    index=[
        "paper's dataset",
        "paper: FNO",
        "paper: DPOT-S",
        "paper: DPOT-M",
        "paper: DPOT-M, 200 epochs more",
    ],
).T
