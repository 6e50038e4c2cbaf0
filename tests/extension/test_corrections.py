from pathlib import Path

from quartermaster.extension.corrections import Correction, Corrections

PONY = Correction("Pony", "Pony")
HASH = "a" * 64


def test_what_was_said_is_kept(tmp_path: Path) -> None:
    Corrections(tmp_path).put([HASH], PONY)
    assert Corrections(tmp_path).get(HASH) == PONY


def test_a_later_word_on_the_type_leaves_the_base_model(tmp_path: Path) -> None:
    kept = Corrections(tmp_path)
    kept.put([HASH], PONY)
    kept.put([HASH], Correction(type="LoCon"))
    assert kept.get(HASH) == Correction("Pony", "Pony", "LoCon")
    kept.put([HASH], Correction(None, "SDXL"))
    assert kept.get(HASH) == Correction(None, "SDXL", "LoCon")


def test_two_agents_of_one_machine_see_each_others(tmp_path: Path) -> None:
    one, other = Corrections(tmp_path), Corrections(tmp_path)
    one.put([HASH], PONY)
    other.put(["b" * 64], PONY)
    assert other.get(HASH) == PONY
    one.reload()
    assert one.get("b" * 64) == PONY


def test_it_stands_on_top_of_what_was_found() -> None:
    found = {
        "kind": "LORA",
        "ecosystem": "SDXL",
        "base_model": None,
        "confidence": 0.6,
        "evidence": [{"witness": "layout"}],
    }
    corrected = PONY.applied(found)
    assert (corrected["kind"], corrected["ecosystem"], corrected["confidence"]) == ("LORA", "Pony", 1.0)
    assert [evidence["witness"] for evidence in corrected["evidence"]] == ["manual", "layout"]
    assert Correction(type="LoCon").applied(found)["ecosystem"] == "SDXL"
    assert found["ecosystem"] == "SDXL"


def test_each_hub_is_told_once_of_each_word(tmp_path: Path) -> None:
    kept = Corrections(tmp_path)
    kept.put([HASH], PONY)
    [(sha256, said, at)] = kept.untold("http://hub", 10)
    assert (sha256, said) == (HASH, PONY)
    kept.told("http://hub", HASH, at)
    assert kept.untold("http://hub", 10) == []
    assert len(kept.untold("http://other", 10)) == 1
    kept.put([HASH], Correction(None, "SDXL"))
    kept.told("http://hub", HASH, at)  # of the word before: the new one is still to be told
    assert len(kept.untold("http://hub", 10)) == 1


def test_one_that_was_taken_back_is_told_and_then_forgotten(tmp_path: Path) -> None:
    kept = Corrections(tmp_path)
    kept.put([HASH], PONY)
    kept.clear([HASH, "b" * 64])
    assert kept.get(HASH) is None
    [(_, said, at)] = kept.untold("http://hub", 10)
    assert said == Correction()
    kept.told("http://hub", HASH, at)
    assert Corrections(tmp_path).untold("http://other", 10) == []
