import pytest
from quartermaster.hub.search import words


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("ponyDiffusionV6XL", "pony"),
        ("ponyDiffusionV6XL", "PonyDiff"),
        ("ponyDiffusionV6XL", "diffusion"),
        ("ponyDiffusionV6XL", "v6"),
        ("ponyDiffusionV6XL", "xl"),
        ("SDXLLightning", "lightning"),
        ("XL_10", "xl10"),
        ("XL_10", "xl_1"),
        ("xl10", "XL 10"),
        ("realistic-v1.2-final", "v1.2"),
        ("styles/anime (old)/a.safetensors", "old anime safe"),
        ("ÜBER_style", "uber"),
        ("Crème brûlée", "CREME"),
        ("straße", "STRASSE"),
        ("ｗｉｄｅ", "wide"),
        ("漫画スタイル", "漫画"),
        ("one 🎨 painter", "🎨"),
        ("Pastel 100% style", "%"),
        ("a+b", "+"),
    ],
)
def test_a_query_begins_words_of_what_it_finds(text: str, query: str) -> None:
    held = words.of_path(text)

    def begins(word: str) -> bool:
        return any(each.startswith(word) for each in held)

    for word, parts in words.of_query(query):
        assert begins(word) or (parts and all(map(begins, parts))), (word, held)


@pytest.mark.parametrize(
    ("text", "query"), [("pastel", "astel"), ("pastel", "p_stel"), ("v6XL", "v7"), ("face", "facade"), ("abc", "%")]
)
def test_a_query_does_not_find_the_middle_of_a_word(text: str, query: str) -> None:
    held = words.of_text(text)
    asked = [word for word, _ in words.of_query(query)]
    assert not all(any(each.startswith(word) for each in held) for word in asked)


def test_no_text_yields_the_words_of_hashes_and_facts() -> None:
    assert not any(word[0] in "#=" for word in words.of_text("#abcdef0123 =t0123456789ab # = x#y=z"))


def test_only_many_hex_digits_are_taken_for_a_hash() -> None:
    assert words.hash_prefix("face") is None
    assert words.hash_prefix("facade") == "#facade"
    assert words.hash_prefix("facades") is None
    assert words.of_hash("a" * 64).startswith(words.hash_prefix("a" * 64) or "-")


@pytest.mark.parametrize("text", ["a" * 500, "aB" * 250, "%" * 500, "\U0001f3a8" * 500, " \t'\"\\ ()-"])
def test_noise_yields_few_short_words_without_separators(text: str) -> None:
    held = words.of_text(text)
    assert len(held) < 20
    assert not any(len(word) > 64 or set(word) & set(" '\"\\") for word in held)
