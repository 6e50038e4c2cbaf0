import pytest
from quartermaster.ecosystems.infotext.prompts import embeddings, extra_networks, number


def tags(prompt: str) -> list[tuple[str, str, float | None]]:
    return [(each.role, each.name, each.weight) for each in extra_networks(prompt)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("<lora:name:0.8>", ("lora", "name", 0.8)),
        ("<lora:name>", ("lora", "name", 1.0)),
        ("<lora:a name.v2 (x):-1>", ("lora", "a name.v2 (x)", -1.0)),
        ("<lora:name:0.5:0.7>", ("lora", "name", 0.5)),
        ("<lora:name:te=0.2:unet=0.7>", ("lora", "name", 0.7)),
        ("<lora:name:te=0.2>", ("lora", "name", 0.2)),
        ("<lora:name:.5:lbw=MIDD:stop=20>", ("lora", "name", 0.5)),
        ("<lora:name:strong>", ("lora", "name", None)),
        ("<lyco:name:1>", ("lora", "name", 1.0)),
        ("<hypernet:name:0.4>", ("hypernetwork", "name", 0.4)),
    ],
)
def test_a_tag_names_a_file_and_its_weight(prompt: str, expected: tuple[str, str, float | None]) -> None:
    assert tags(f"a, {prompt} b") == [expected]


@pytest.mark.parametrize("prompt", ["<lora:>", "<lora: :1>", "<lora>", "<b:x:1>", "lora:x:1", "<lora:x", "<Lora:x:1>"])
def test_what_no_web_ui_would_load_is_no_tag(prompt: str) -> None:
    assert tags(prompt) == []


def test_tags_come_in_the_order_of_the_prompt() -> None:
    """The last as web UIs read it."""
    assert [name for _, name, _ in tags("<lora:b:1><lora:a:1> <lora:<lora:c:1>>")] == ["b", "a", "<lora"]


def named(prompt: str, *names: str) -> list[str]:
    return [each.name for each in embeddings(prompt, names)]


def test_only_given_names_are_embeddings_as_whole_words_in_any_case() -> None:
    prompt = "photo, EasyNegative, (bad-hands-5:1.2), badly drawn, foo_bar"
    assert named(prompt, "easynegative", "bad-hands-5", "bad", "foo", "hands", "x") == ["easynegative", "bad-hands-5"]
    assert named(prompt) == []


def test_the_longer_of_two_overlapping_names_counts() -> None:
    assert named("bad hands", "bad", "bad hands") == ["bad hands"]
    assert named("bad hands, bad", "bad", "bad hands") == ["bad hands", "bad"]


def test_a_name_may_hold_what_expressions_are_made_of() -> None:
    assert named("a (x.*) [b]", "(x.*)", "[b]", "", " ") == ["(x.*)", "[b]"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), (" -0.5 ", -0.5), (".5", 0.5), (1, 1.0), ("1e5", None), ("nan", None), ("", None), (None, None),
     (True, None), (float("nan"), None), (10**400, None)],
)  # fmt: skip
def test_numbers_are_as_people_write_them(text: object, value: float | None) -> None:
    assert number(text) == value
