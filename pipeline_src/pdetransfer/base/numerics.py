"""Numerics versions: what makes a stored result stale when code changes.

A version is raised when, and only when, the numbers of its stage change; the golden tests
(``tests/unit/test_golden.py``) hold the numbers that belong to each. Editing or touching a source file
changes nothing else in the workflow.
"""

SOLVER = 1  #: streams, sources, sampled coefficients and solutions of a dataset
TRAINING = 2  #: input normalisation, models, initialisation, optimisation, selection
EVALUATION = 1  #: per-example test errors
TABLES = 8  #: summaries of errors, data savings, cards
