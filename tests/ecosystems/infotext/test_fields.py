import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.ecosystems.infotext.fields import read_fields, read_pairs, take_apart

PLAIN = """a castle, <lora:x:1>
second line
Negative prompt: blurry
 ugly
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768, Model hash: 6ce0161689, Model: a b"""


def test_an_infotext_is_prompt_negative_prompt_and_fields() -> None:
    parts = take_apart(PLAIN)
    assert (parts.prompt, parts.negative) == ("a castle, <lora:x:1>\nsecond line", "blurry\nugly")
    assert list(parts.fields.items()) == [
        ("Steps", "20"),
        ("Sampler", "Euler a"),
        ("CFG scale", "7"),
        ("Seed", "1"),
        ("Size", "512x768"),
        ("Model hash", "6ce0161689"),
        ("Model", "a b"),
    ]


def test_windows_line_ends_and_white_space_around_are_nothing() -> None:
    assert take_apart("\r\n " + PLAIN.replace("\n", "\r\n") + "\r\n\n") == take_apart(PLAIN)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('A b: "x, y: z", Cc: 1', {"A b": "x, y: z", "Cc": "1"}),
        (r'Template: "a \"quoted\" \n word", Cc: 1', {"Template": 'a "quoted" \n word', "Cc": "1"}),
        (
            'Hashes: {"model": "ab", "lora:x, y": "cd"}, Cc: 1',
            {"Hashes": '{"model": "ab", "lora:x, y": "cd"}', "Cc": "1"},
        ),
        ('List: [{"a": [1, 2]}, 3], Cc: 1', {"List": '[{"a": [1, 2]}, 3]', "Cc": "1"}),
        ('Broken: {"a": 1, Cc: 1', {"Broken": '{"a": 1', "Cc": "1"}),
        ('Broken: "a, Cc: 1', {"Broken": '"a', "Cc": "1"}),
        ('Half: "a" b, Cc: 1', {"Half": '"a" b', "Cc": "1"}),
        ("Empty:, Cc: 1", {"Empty": "", "Cc": "1"}),
        ("Tiling, Cc: 1", {"Cc": "1"}),
        ("Cc: 1, Cc: 2", {"Cc": "2"}),
        ("Time: 12:30:00, Cc: 1", {"Time": "12:30:00", "Cc": "1"}),
        ('Bad escape: "a\\x", Cc: 1', {"Bad escape": "a\\x", "Cc": "1"}),
        ("", {}),
        (",,,", {}),
    ],
)
def test_values_are_plain_quoted_or_json(line: str, expected: dict[str, str]) -> None:
    assert read_fields(line) == expected


def test_a_last_line_with_fewer_than_three_fields_is_of_the_prompt() -> None:
    assert take_apart("a\nstyle: oil, mood: calm").prompt == "a\nstyle: oil, mood: calm"
    assert take_apart("a\nstyle: oil, mood: calm, Seed: 1").prompt == "a"


def test_a_line_that_begins_with_steps_counts_wherever_it_stands() -> None:
    parts = take_apart("a\nSteps: 4, Seed: 1\nTemplate: x")
    assert parts.prompt == "a" and parts.fields["Steps"] == "4" and "Seed" in parts.fields
    assert take_apart("Steps: 4").fields == {"Steps": "4"}


def test_a_prompt_alone_or_a_negative_prompt_alone_is_taken() -> None:
    assert take_apart("a castle").prompt == "a castle"
    parts = take_apart("Negative prompt: blurry")
    assert (parts.prompt, parts.negative, parts.fields) == ("", "blurry", {})


PLAIN_VALUE = st.text(st.characters(codec="utf-8", exclude_characters='"\r'), max_size=30).map(str.strip)


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"\w[\w\-/]{1,10}( \d+)?", fullmatch=True), PLAIN_VALUE, min_size=3, max_size=8))
def test_whatever_a_web_ui_writes_is_read_back(written: dict[str, str]) -> None:
    def quote(value: str) -> str:  # as both web UIs decide it
        needed = any(character in value for character in ",:\n")
        return json.dumps(value, ensure_ascii=False) if needed else value

    line = ", ".join(f"{name}: {quote(value)}" for name, value in written.items())
    assert read_fields(line) == written


def test_pairs_are_split_at_the_last_colon() -> None:
    assert read_pairs("a: 1, b:c: 2, none, : 3,") == [("a", "1"), ("b:c", "2")]


@pytest.mark.parametrize(
    "text",
    [
        " " * 300_000 + "x: 1, yy: 2, zz: 3",
        "a" + " " * 300_000 + "b",
        "a b " * 100_000,
        "Negative prompt: a\n" * 30_000,
        "\n" * 300_000 + "x",
        "," * 300_000,
        "aa: [" * 60_000,
        'aa: ["' * 60_000,
        'aa: "\\"' * 60_000,
        "aa: {" + '"a": [' * 60_000,
        "Steps: 1, " * 30_000,
    ],
    ids=range(11),
)
def test_what_is_made_to_take_long_is_read_once(text: str) -> None:
    # Were any part of it read again and again, the test would run into the time limit that every test has.
    parts = take_apart(text)
    assert len(parts.prompt) + len(parts.negative) + sum(map(len, parts.fields.values())) <= len(text)
