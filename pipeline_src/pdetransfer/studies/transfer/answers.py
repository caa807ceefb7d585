"""What the transfer study asks and draws. Planning imports this, so it is free of what takes long to import."""

from pdetransfer.plan.answers import Answers, FigureKind, Needs
from pdetransfer.studies.transfer.questions import BOTH_ARMS, QUESTIONS, SHIFTED

_SHIFT: Needs = {f"a question that is one of {list(SHIFTED)}": lambda entry: entry.question in SHIFTED}

ANSWERS = Answers(
    questions=QUESTIONS,
    figures={
        "error_vs_data": FigureKind(),
        "data_savings": FigureKind(needs=BOTH_ARMS),
        "error_by_parameter": FigureKind(at_one_n=True),
        "savings_by_distance": FigureKind(at_one_n=True, tables=("distances",), needs=_SHIFT | BOTH_ARMS),
    },
    tables=("budgets", "distances", "invariance"),
    pictures={"stages": ("source", "grid"), "systems": ("source", "grid")},
)
