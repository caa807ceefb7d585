"""Published errors, arXiv 2403.03542, Table 1: relative L2 errors of roll-outs."""

import pandas as pd

#: By dataset of ours the paper's of the same equation, and of models that are trained on its mixture: FNO, DPOT-Ti
#: and -M as they are, and -M after 200 epochs of fine-tuning.
PUBLISHED = pd.DataFrame(
    {
        "ns_thick": ["FNO-1e-3", 0.0156, 0.00954, 0.00474, 0.00427],
        "ns_thin": ["FNO-1e-4", 0.0922, 0.0606, 0.0285, 0.0144],
        "diffusion_reaction": ["PDEBench DR", 0.0321, 0.0321, 0.0292, 0.0142],
        "shallow_water": ["PDEBench SWE", 0.00912, 0.00560, 0.00290, 0.00218],
    },
    index=["paper's dataset", "paper: FNO", "paper: DPOT-Ti", "paper: DPOT-M", "paper: DPOT-M, fine-tuned"],
).T
