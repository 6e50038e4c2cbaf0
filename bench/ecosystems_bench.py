"""What the ecosystems room costs: a verdict beside a dict look-up, the big table beside constant lines."""

import contextlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from ..cli.main import main
from ..ecosystems.load import load_default

BIG = Path(__file__).resolve().parents[1] / "tests" / "data" / "ecosystems" / "civitai-2026-08.json"
ROWS = 225_423

Row = tuple[str, float, float, str]
"""(what is measured, figure, bound that it must not pass, yardstick)."""


def measure() -> list[Row]:
    """Return the rows of this room for the speed table."""
    return [
        ("a verdict", _verdict_ratio(), 3.0, "a bare dict look-up in the same loop"),
        (
            f"CPU seconds more for the table of {ROWS:,} rows",
            _table_seconds(),
            1.0,
            "one CPU second above printing as many constant lines",
        ),
    ]


def _verdict_ratio(questions: int = 10_000) -> float:
    catalogue = load_default()
    chance = random.Random(4)
    names = list(catalogue.base_models)
    asked = [(chance.choice(names), chance.choice(names), chance.choice(("LORA", "VAE"))) for _ in range(questions)]
    answers = {question: catalogue.verdict(*question) for question in asked}

    def verdicts() -> None:
        for checkpoint, addon, model_type in asked:
            catalogue.verdict(checkpoint, addon, model_type)

    def look_ups() -> None:
        for checkpoint, addon, model_type in asked:
            answers[checkpoint, addon, model_type]

    return _best(verdicts, 15) / _best(look_ups, 15)


def _table_seconds() -> float:
    line = '{"checkpoint": "Flux.2 Klein 4B-base", "addon": "Illustrious", "type": "TextualInversion", "grade": "None"}'
    with Path(os.devnull).open("w", encoding="utf-8") as sink, contextlib.redirect_stdout(sink):
        table = _best(_print_table, 3)
        constant = _best(lambda: _print_lines(line), 3)
    return table - constant


def _print_table() -> None:
    main(["ecosystems", "table", "--catalogue", str(BIG), "--support", "generation", "--json"])


def _print_lines(line: str) -> None:
    for _ in range(ROWS):
        print(line)


def _best(run: Callable[[], object], times: int) -> float:
    """Return the least CPU seconds of several runs: whatever else the machine does only adds to them."""
    best = float("inf")
    for _ in range(times):
        started = time.process_time()
        run()
        best = min(best, time.process_time() - started)
    return best
