from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.hub_words import FILE_NAME, HubWord, HubWords
from quartermaster.hub_client.errors import MalformedMessageError
from quartermaster.hub_client.news import ModelNews, NewsAnswer

ONE, TWO = "a" * 64, "b" * 64
CORRECTED = {"type": None, "ecosystem": "Pony", "base_model": "Pony", "by": "Ada", "at": None}
REGISTERED = {"type": "LoCon", "ecosystem": "SDXL", "base_model": None, "by": "Bob", "at": None}
CIVITAI = {"type": "LORA", "ecosystem": "Illustrious", "base_model": "Illustrious", "by": None, "at": None}
FOUND: dict[str, Any] = {"kind": "LORA", "ecosystem": "SD1", "base_model": "SD 1.5", "confidence": 0.6, "evidence": []}


class StandInHub:
    """What is asked of a hub here, with what it knows."""

    def __init__(self, *news: ModelNews) -> None:
        self.news = list(news)
        self.asked: list[Any] = []

    def news_after(self, number: int) -> NewsAnswer:
        self.asked.append(number)
        return NewsAnswer(len(self.news), False, tuple(self.news[number:]))

    def news_of(self, hashes: list[str]) -> NewsAnswer:
        self.asked.append(list(hashes))
        return NewsAnswer(len(self.news), False, tuple(news for news in self.news if news.sha256 in hashes))


def keep_up(words: HubWords, hub: StandInHub, *hashes: str) -> None:
    words.keep_up(hub, len(hub.news), hashes)  # type: ignore[arg-type]  # the part of a client that is used


def word(**parts: Any) -> HubWord:
    return HubWord.of(ModelNews(ONE, **parts))


def test_what_a_person_said_elsewhere_stands_above_what_was_found_here() -> None:
    shown = word(override=CORRECTED, registered=REGISTERED).applied(FOUND, person_here=False)
    assert (shown["ecosystem"], shown["base_model"], shown["kind"], shown["confidence"]) == ("Pony", "Pony", "LoCon", 1)
    assert shown["evidence"][0]["says"] == "hub: corrected by Ada, registered by Bob"
    assert FOUND["ecosystem"] == "SD1" and FOUND["evidence"] == []


def test_what_a_person_said_here_and_the_hub_does_not_know_yet_stays() -> None:
    assert word(override=CORRECTED).applied(FOUND, person_here=True) == FOUND


def test_civitai_fills_what_is_empty_and_nothing_else() -> None:
    civitai = {**CIVITAI, "trigger_words": ["sky"]}
    assert word(civitai=civitai).applied(FOUND, person_here=False)["ecosystem"] == "SD1"
    shown = word(civitai=civitai).applied({"kind": "LORA", "evidence": [{"witness": "layout"}]}, person_here=False)
    assert (shown["ecosystem"], shown["base_model"]) == ("Illustrious", "Illustrious")
    assert [each["witness"] for each in shown["evidence"]] == ["layout", "hub"]
    assert shown["evidence"][1]["says"] == "hub: Civitai: Illustrious"
    assert shown["metadata"]["trigger_words"] == ["sky"]
    kept = {**FOUND, "metadata": {"trigger_words": ["mine"]}}
    assert word(civitai=civitai).applied(kept, person_here=False)["metadata"]["trigger_words"] == ["mine"]


def test_each_model_is_asked_for_once_and_then_only_news_are(tmp_path: Path) -> None:
    hub, words = StandInHub(ModelNews(ONE, override=CORRECTED)), HubWords(tmp_path, "http://hub", "attic")
    keep_up(words, hub, ONE, TWO)
    keep_up(words, hub, ONE, TWO)
    assert hub.asked == [[ONE, TWO]]
    assert words.get(ONE) is not None and words.get(TWO) is None
    hub.news.append(ModelNews(TWO, civitai=CIVITAI))
    before = words.revision
    keep_up(words, hub, ONE, TWO)
    assert hub.asked[1:] == [1] and words.get(TWO) is not None and words.revision > before


def test_it_survives_a_restart_and_asks_for_nothing_again(tmp_path: Path) -> None:
    hub = StandInHub(ModelNews(ONE, override=CORRECTED))
    keep_up(HubWords(tmp_path, "http://hub", "attic"), hub, ONE, TWO)
    again = HubWords(tmp_path, "http://hub", "attic")
    assert again.get(ONE) == word(override=CORRECTED)
    keep_up(again, hub, ONE, TWO)
    assert len(hub.asked) == 1
    assert HubWords(tmp_path, "http://another", "attic").get(ONE) is None


def test_a_hub_that_was_set_back_is_heard_anew(tmp_path: Path) -> None:
    words = HubWords(tmp_path, "http://hub", "attic")
    keep_up(words, StandInHub(ModelNews(ONE, override=CORRECTED), ModelNews(TWO, override=CORRECTED)), ONE, TWO)
    keep_up(words, StandInHub(ModelNews(TWO, override=CORRECTED)), ONE, TWO)
    assert words.get(ONE) is None and words.get(TWO) is not None


def test_a_damaged_file_costs_a_question(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database " * 100)
    words = HubWords(tmp_path, "http://hub", "attic")
    keep_up(words, StandInHub(ModelNews(ONE, override=CORRECTED)), ONE)
    assert words.get(ONE) is not None


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"sha256": "x"},
        {"sha256": ONE, "override": "Pony"},
        {"sha256": ONE, "override": {"base_model": 7}},
        {"sha256": ONE, "civitai": {"trigger_words": [7]}},
    ],
)
def test_news_that_are_none_are_refused(wire: Any) -> None:
    with pytest.raises(MalformedMessageError):
        NewsAnswer.from_wire({"news": 1, "models": [wire]})
