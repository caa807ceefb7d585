"""What the jobs of the study's own rule read (``plan.inputs``)."""

from typing import NamedTuple

from pdetransfer.plan.inputs import File, SplitFiles, errors, splits
from pdetransfer.plan.study import Study


class Tested(NamedTuple):
    """The test split of a dataset, of each that it consists of, and how many frames models are given there."""

    dataset: str
    test: list[SplitFiles]
    num_frames: int


class ByFrame(NamedTuple):
    """Test errors by experiment, and the test splits that they are of."""

    errors: dict[str, File]
    tests: list[Tested]


def by_frame(study: Study, experiments: list[str]) -> ByFrame:
    curves = [curve for name in experiments for curve in study.curves(name)]
    tested = dict.fromkeys((curve.dataset, study.models[curve.model].num_frames) for curve in curves)
    return ByFrame(
        {name: errors(study, name) for name in experiments},
        [
            Tested(dataset, splits(study, dataset, "test"), num_frames)
            for dataset, num_frames in tested
            if num_frames
        ],
    )
