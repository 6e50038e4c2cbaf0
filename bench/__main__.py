"""``python -m quartermaster.bench [NAME …] [--json]``: measures, prints the speed table, exits 1 on a miss."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from . import claims, ecosystems, hashing, identify, rescan, scale, sync, table
from .row import NotMeasurableError, Row

Bench = Callable[[], Sequence[Row]]

BENCHES: Mapping[str, Bench] = {
    "hashing": hashing.measure,
    "rescan": rescan.measure,
    "sync": sync.measure,
    "ecosystems": ecosystems.measure,
    "identify": identify.measure,
    "claims": claims.measure,
    "scale": scale.measure,
}

LONG = {"scale"}
"""Measured only where they are named: the first time they build what they measure, for half an hour."""


def main(arguments: Sequence[str], benches: Mapping[str, Bench] = BENCHES) -> int:
    """Run the benches that are named, or all; return 0 where every figure keeps to its bound, 1 otherwise."""
    known = ", ".join(benches)
    usual = [name for name in benches if name not in LONG]
    parser = argparse.ArgumentParser(prog="dev.py bench", description="Print the speed table (docs/benchmarks.md).")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {known}; without one, all but {', '.join(LONG)}")
    parser.add_argument("--json", action="store_true", help="one line of ASCII JSON per row")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in benches]
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}. There are: {known}")
    if not options.json:
        print(table.heading())
    names = dict.fromkeys(options.names or usual)
    met = [_run(name, benches[name], as_json=options.json) for name in names]
    return 0 if all(met) else 1


def _run(name: str, bench: Bench, *, as_json: bool) -> bool:
    """Measure one bench, print its rows, and tell whether all were there and kept to their bounds."""
    try:
        rows = bench()
    except NotMeasurableError as error:
        print(table.failure_line(name, str(error)) if as_json else f"{name}: NOT MEASURED. {error}", flush=True)
        return False
    for row in rows:
        print(table.json_line(name, row) if as_json else table.text_line(row), flush=True)
    return table.all_met(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
