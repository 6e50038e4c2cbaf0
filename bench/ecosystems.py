"""What the ecosystems room costs: a verdict beside a dict look-up, the big table beside constant lines."""

import contextlib
import os
import random
from pathlib import Path

from ..cli.main import main
from ..ecosystems.load import load_default
from .rounds import in_turn
from .row import Row, at_most

BIG = Path(__file__).resolve().parents[1] / "tests" / "data" / "ecosystems" / "civitai-2026-08.json"
ROWS = 225_423
QUESTIONS = 10_000
ROUNDS = 15
TABLE_ROUNDS = 3


def measure(questions: int = QUESTIONS, rounds: int = ROUNDS, big: Path = BIG, rows: int = ROWS) -> list[Row]:
    """Ask for verdicts, and print the table of a catalogue that has so many rows; takes some seconds."""
    lines = f"printing {rows:,} constant lines"
    return [
        at_most("a verdict", _verdict_ratio(questions, rounds), 3.0, "a bare dict look-up in the same loop"),
        at_most(f"CPU for the table of {rows:,} rows", _table_seconds(big, rows), 1.0, f"above {lines}", "s"),
    ]


def _verdict_ratio(questions: int, rounds: int) -> float:
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

    ours, yardstick = in_turn([verdicts, look_ups], rounds)
    return min(ours) / min(yardstick)


def _table_seconds(big: Path, rows: int) -> float:
    line = '{"checkpoint": "Flux.2 Klein 4B-base", "addon": "Illustrious", "type": "TextualInversion", "grade": "None"}'
    with Path(os.devnull).open("w", encoding="utf-8") as sink, contextlib.redirect_stdout(sink):
        table, constant = in_turn([lambda: print_table(big), lambda: _print_lines(line, rows)], TABLE_ROUNDS)
    return min(table) - min(constant)


def print_table(big: Path) -> None:
    """Print the table of a catalogue, as the console script does."""
    main(["ecosystems", "table", "--catalogue", str(big), "--support", "generation", "--json"])


def _print_lines(line: str, rows: int) -> None:
    for _ in range(rows):
        print(line)
