"""Faults at random, and which of them no test notices: ``python tests/mutate.py --minutes 25``.

Mutants are drawn of the code that plans, judges and draws. For each, in a copy of the project, the quickest of the
tests are run that reach its lines; survivors are printed, of which some are equivalent. Each result is a line of
``--results`` as soon as it is known, and a later start with the same file goes on from there.
"""

import argparse
import ast
import copy
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("pipeline_src/pdetransfer")
FOLDERS = ("report", "analysis", "plan", "studies")
POOL = [
    *(f"tests/unit/{folder}" for folder in FOLDERS),
    "tests/unit/data/test_cards.py",
]  # cards are drawn, too
_MOST = 400  # tests of a mutant, the quickest
_SLOWER = 5  # times as long as its tests take without it, and a minute, may a mutant take
_COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_NAMES = {"min": "max", "any": "all", "idxmin": "idxmax", "floor": "ceil", "union": "intersection"}
_NAMES |= {other: name for name, other in _NAMES.items()}
#: Arguments that are matters of taste, as words are: no reader is misled by a mutant of them.
_STYLE = {"fontsize", "linewidth", "lw", "alpha", "figsize", "pad", "labelsize", "markersize", "width"}
_STYLE |= {"height", "height_ratios", "markeredgewidth", "capsize", "rotation", "length", "labelpad", "ncols"}
_STYLE |= {"bbox_to_anchor"}
_SLOW = ("altair", "h5py", "matplotlib.pyplot", "pandas", "scipy.stats", "seaborn", "torch")


def mutants(node: ast.AST) -> list[ast.AST]:
    """What may stand for an expression; none is like it in writing."""
    found: list[ast.AST] = []
    match node:
        case ast.Compare(ops=[op, *others]):
            found = [_with(node, ops=[other(), *others]) for other in _COMPARISONS[type(op)]]
        case ast.BinOp(op=op, left=left) if type(op) in _ARITHMETIC and not _is_text(left):
            found = [_with(node, op=_ARITHMETIC[type(op)]())]
        case ast.BoolOp(op=op):
            found = [_with(node, op=ast.And() if isinstance(op, ast.Or) else ast.Or())]
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            found = [operand]
        case ast.Constant(value=bool(value)):
            found = [ast.Constant(not value)]
        case ast.Constant(value=int() | float() as value):
            found = [ast.Constant(value + 1 if isinstance(value, int) else 2 * value or 1.0)]
        case ast.Name(id=name) if name in _NAMES:
            found = [_with(node, id=_NAMES[name])]
        case ast.Attribute(attr=name) if name in _NAMES:
            found = [_with(node, attr=_NAMES[name])]
        case ast.Call(func=ast.Name(id="sorted")):
            found = [ast.Subscript(node, ast.Slice(step=ast.Constant(-1)), ast.Load())]
        case ast.Slice(lower=lower, upper=upper):
            more = ast.Constant(1) if lower is None else ast.BinOp(lower, ast.Add(), ast.Constant(1))
            less = ast.Constant(-1) if upper is None else ast.BinOp(upper, ast.Sub(), ast.Constant(1))
            found = [_with(node, lower=more), _with(node, upper=less)]
        case ast.If(test=ast.Name() | ast.Attribute() | ast.Call() as test) if (
            ast.unparse(test) != "TYPE_CHECKING"
        ):
            found = [_with(node, test=ast.UnaryOp(ast.Not(), test))]
        case ast.IfExp(test=test):
            found = [_with(node, test=ast.UnaryOp(ast.Not(), test))]
    return found


def _with(node: ast.AST, **changes) -> ast.AST:
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def places(tree: ast.AST) -> list[tuple[ast.AST, str, int | None]]:
    """Where expressions stand, (parent, field, index in it), but for annotations, words, texts of logs and errors,
    and style."""
    found = []
    for field, value in ast.iter_fields(tree):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            match child:
                case ast.Raise() | ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
                    continue
                case ast.keyword(arg=name) if name in _STYLE:
                    continue
                case ast.AST() if field not in ("annotation", "returns"):
                    found += [(tree, field, index), *places(child)]
    return found


def drawn(seed: int) -> list[tuple[str, int, int]]:
    """All mutants in random order: a file, the number of a place in it, and of what stands there instead."""
    every = []
    for file in sorted(file for folder in FOLDERS for file in (ROOT / PACKAGE / folder).rglob("*.py")):
        for number, (parent, field, index) in enumerate(places(ast.parse(file.read_text()))):
            of_place = mutants(_at(parent, field, index))
            every += [(str(file.relative_to(ROOT)), number, other) for other in range(len(of_place))]
    random.Random(seed).shuffle(every)
    return every


def _at(parent: ast.AST, field: str, index: int | None) -> ast.AST:
    return getattr(parent, field) if index is None else getattr(parent, field)[index]


def mutated(source: str, number: int, other: int) -> tuple[ast.AST, ast.AST, str]:
    """The expression, what stands for it, and the file with it."""
    tree = ast.parse(source)
    parent, field, index = places(tree)[number]
    before = _at(parent, field, index)
    after = mutants(before)[other]
    if index is None:
        setattr(parent, field, after)
    else:
        getattr(parent, field)[index] = after
    return before, after, ast.unparse(ast.fix_missing_locations(tree))


class Trace:
    """Which lines each test reaches, and how long it takes; of those that pass."""

    def __init__(self):
        self.tests, self.seconds, self.failed, self.current = defaultdict(set), {}, set(), ""

    def _called(self, frame, event, arg):
        return self._reached if str(PACKAGE) in frame.f_code.co_filename else None

    def _reached(self, frame, event, arg):
        if event == "line":
            file = frame.f_code.co_filename
            self.tests[f"{file[file.index(str(PACKAGE)) :]}:{frame.f_lineno}"].add(self.current)
        return self._reached

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        self.current, start = item.nodeid, time.monotonic()
        sys.settrace(self._called)
        yield
        sys.settrace(None)
        self.seconds[item.nodeid] = time.monotonic() - start

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)

    def told(self, code: int) -> dict:
        tests = {line: sorted(tests - self.failed) for line, tests in self.tests.items()}
        return {"tests": tests, "seconds": self.seconds, "failed": sorted(self.failed)}


class Chosen:
    """Runs some tests, in their order, and keeps the name of the first that fails."""

    def __init__(self, tests: list[str]):
        self.order, self.failed = {test: place for place, test in enumerate(tests)}, None

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda i: self.order[i.nodeid]
        )

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed = report.nodeid

    def told(self, code: int) -> dict:
        return {"killed_by": self.failed or (f"pytest, exit status {code}" if code else None)}


def run_tests(copied: Path, options: tuple[str, ...], paths: list[str], plugin, result: Path) -> None:
    """Run pytest in this process on a copy of the project, and write what came of it."""
    os.chdir(copied)
    with (result.with_suffix(".log")).open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        code = pytest.main(["-q", "-p", "no:cacheprovider", *options, *paths], plugins=[plugin])
    result.write_text(json.dumps(plugin.told(int(code))))
    os._exit(0)


def in_child(copied: Path, paths: list[str], plugin, *options: str, seconds: float | None = None) -> dict:
    """``run_tests`` in a process that is forked from this one, which has imported what takes long."""
    result = copied / "result.json"
    result.unlink(missing_ok=True)
    child = multiprocessing.get_context("fork").Process(
        target=lambda: run_tests(copied, options, paths, plugin(), result)
    )
    child.start()
    child.join(seconds)
    if child.is_alive():
        child.kill()
        child.join()
        return {"killed_by": "time"}
    return json.loads(result.read_text()) if result.exists() else {"killed_by": "a crash"}


def try_mutant(copied: Path, trace: dict, mutant: tuple[str, int, int]) -> dict:
    file, number, other = mutant
    source = (copied / file).read_text()
    before, after, text = mutated(source, number, other)
    lines = range(before.lineno, before.end_lineno + 1)
    reached = {test for line in lines for test in trace["tests"].get(f"{file}:{line}", ())}
    if not reached:  # a constant or default, which is read when the module is imported
        of_file = [tests for line, tests in trace["tests"].items() if line.startswith(f"{file}:")]
        reached = {test for tests in of_file for test in tests}
    tests = sorted(reached, key=trace["seconds"].__getitem__)[:_MOST]
    (copied / file).write_text(text)
    start = time.monotonic()
    limit = 60 + _SLOWER * sum(map(trace["seconds"].__getitem__, tests))
    paths = sorted({test.split("::")[0] for test in tests})
    told = (
        in_child(copied, paths, lambda: Chosen(tests), "-x", seconds=limit) if tests else {"killed_by": None}
    )
    (copied / file).write_text(source)
    written = [ast.unparse(node).split("\n")[0] for node in (before, after)]
    took = round(time.monotonic() - start, 1)
    return {
        "mutant": mutant,
        "line": before.lineno,
        "written": written,
        "tests": len(tests),
        "seconds": took,
        **told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=200, help="mutants to try")
    parser.add_argument("--seed", type=int, default=0, help="by which they are drawn")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "mutants.jsonl")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    os.environ.update(OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1", MPLBACKEND="Agg")
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder).resolve()
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for name in filter(lambda name: (ROOT / name).is_file(), tracked.splitlines()):
            (copied / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copied / name)
        paths = [str(copied / "pipeline_src"), str(copied / "tests/unit")]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        sys.path[:0] = paths
        for name in _SLOW:  # to import
            __import__(name)
        kept = options.results.with_suffix(".trace.json")
        if not kept.exists():
            kept.write_text(json.dumps(in_child(copied, POOL, Trace)))
        trace = json.loads(kept.read_text())
        lines = options.results.read_text().splitlines() if options.results.exists() else []
        results = [json.loads(line) for line in lines]
        done = {tuple(result["mutant"]) for result in results}
        for mutant in drawn(options.seed)[: options.count]:
            if mutant not in done and time.monotonic() < end:
                results.append(try_mutant(copied, trace, mutant))
                with options.results.open("a") as log:
                    log.write(json.dumps(results[-1]) + "\n")
    survivors = [result for result in results if result["killed_by"] is None]
    for result in sorted(survivors, key=lambda result: (result["mutant"][0], result["line"])):
        print(f"{result['mutant'][0]}:{result['line']}  " + "  ->  ".join(result["written"]))
    print(f"seed {options.seed}: {len(results)} mutants tried, {len(survivors)} survived")


if __name__ == "__main__":
    main()
