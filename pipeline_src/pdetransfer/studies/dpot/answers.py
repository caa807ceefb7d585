"""What the study of DPOT asks and draws. Planning imports this, so it is free of what takes long to import."""

from pdetransfer.plan.answers import Answers, FigureKind, Needs
from pdetransfer.plan.entries import CONTROL
from pdetransfer.studies.dpot.questions import QUESTIONS
from pdetransfer.studies.transfer.questions import BOTH_ARMS

_REPORTED: Needs = {"a question that is no control": lambda entry: entry.question != CONTROL}

ANSWERS = Answers(
    questions=QUESTIONS,
    figures={
        "error_by_size": FigureKind(tables=("by_frame",)),
        "error_over_time": FigureKind(tables=("by_frame",), needs=_REPORTED),
        "error_vs_data": FigureKind(),
        "data_savings": FigureKind(needs=BOTH_ARMS),
    },
    tables=("by_frame",),
)
