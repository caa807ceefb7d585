"""Rows of measurements: a case, then a value for each column."""

import statistics
from collections.abc import Iterable

Row = dict[str, object]


def case(width: int, modes: int, num_points: int, batch: int) -> str:
    return f"({width}, {modes}), {num_points} x {num_points}, batch {batch}"


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median and quartiles, of two values or more."""
    low, median, high = statistics.quantiles(values, n=4)
    return {"median": median, "low": low, "high": high}


def text(value: object) -> str:
    """A value as it is printed: three digits, a spread in brackets."""
    if isinstance(value, dict):
        return f"{text(value['median'])} ({text(value['low'])} to {text(value['high'])})"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def show(row: Row) -> None:
    """Print a row as soon as it is measured."""
    first, *values = row.items()
    print(f"  {first[1]}: " + "; ".join(f"{name} {text(value)}" for name, value in values), flush=True)


def markdown(rows: list[Row]) -> str:
    """A table of rows, with a column for each name that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[text(row.get(name, "")).replace("|", "\\|") for name in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
