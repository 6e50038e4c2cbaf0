"""What the hub's routes say."""

import json
from typing import Any

import pytest
from quartermaster.ecosystems import answers
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.errors import QuestionError
from quartermaster.ecosystems.load import digest, from_document


def test_the_catalogue_answer_is_json_and_can_be_read_back(shipped: Catalogue) -> None:
    answer = json.loads(json.dumps(answers.catalogue_answer(shipped)))
    assert (answer["version"], answer["digest"]) == (shipped.version, digest(shipped))
    assert len(answer["ecosystems"]) == 84
    assert len(answer["base_models"]) == 99
    assert digest(from_document(answer["catalogue"])) == answer["digest"]
    pony = next(row for row in answer["ecosystems"] if row["name"] == "Pony")
    assert (pony["parent"], pony["root"]) == ("SDXL", "SDXL")
    assert pony["support"]["training"] == ["LORA"]
    assert "LORA" in pony["runtimes"]["forge"]
    large = next(row for row in answer["base_models"] if row["name"] == "SD 3.5 Large")
    assert large["license"] == "Stability AI Community License Agreement"
    assert large["support"] == {"generation": [], "training": [], "auction": []}


def test_a_verdict_comes_with_its_steps(shipped: Catalogue) -> None:
    body = {"checkpoint": "sdxl 1.0", "addon": "pony", "type": "lora"}
    answer = answers.compatibility_answer(shipped, body)
    assert answer["success"] is True
    assert (answer["checkpoint"], answer["addon"], answer["type"]) == ("SDXL 1.0", "Pony", "LORA")
    assert (answer["grade"], answer["difference"]) == ("Partial", None)
    assert len(answer["steps"]) == 5


def test_a_difference_to_the_table_is_named(shipped: Catalogue) -> None:
    turbo = answers.compatibility_answer(
        shipped, {"checkpoint": "SDXL Turbo", "addon": "SDXL 1.0", "type": "LORA", "support": "generation"}
    )
    assert (turbo["grade"], turbo["table"]) == ("None", "Full")
    assert turbo["difference"].startswith("the table says Full; with overrides, exceptions and explicit families")
    assert turbo["resolution"][0].startswith("1. BaseModel override: { baseModel: SDXL Turbo")
    forge = answers.compatibility_answer(
        shipped, {"checkpoint": "SD 3", "addon": "SD 3", "type": "LORA", "runtime": "forge"}
    )
    assert (forge["grade"], forge["table"]) == ("Full", "None")
    assert "in forge it is Full" in forge["difference"]


def test_many_questions_in_one_body(shipped: Catalogue) -> None:
    one = {"checkpoint": "Pony", "addon": "Pony", "type": "LORA"}
    answer = answers.compatibility_answer(shipped, {"questions": [one, {**one, "addon": "nobody"}]})
    assert [verdict["grade"] for verdict in answer["verdicts"]] == ["Full", "Unknown"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "checkpoint"),
        ({"checkpoint": "Pony", "addon": 1, "type": "LORA"}, "addon"),
        ({"checkpoint": "Pony", "addon": " ", "type": "LORA"}, "addon"),
        ({"checkpoint": "Pony", "addon": "x" * 201, "type": "LORA"}, "addon"),
        ({"checkpoint": "Pony", "addon": "Pony"}, "type"),
        ({"checkpoint": "Pony", "addon": "Pony", "type": "lorry"}, "type"),
        ({"checkpoint": "Pony", "addon": "Pony", "type": "LORA", "support": "x"}, "support"),
        ({"checkpoint": "Pony", "addon": "Pony", "type": "LORA", "support": "training", "runtime": "forge"}, "runtime"),
        ({"questions": {}}, "questions"),
        ({"questions": [{}] * 1001}, "questions"),
        ({"questions": [1]}, "questions[0]"),
        ({"questions": [{"checkpoint": "Pony", "addon": "Pony", "type": "x"}]}, "questions[0].type"),
    ],
)
def test_what_is_missing_or_without_meaning_is_named(shipped: Catalogue, body: dict[str, Any], field: str) -> None:
    with pytest.raises(QuestionError) as caught:
        answers.compatibility_answer(shipped, body)
    assert caught.value.field == field


def test_settings_say_where_they_come_from(document: Catalogue) -> None:
    subject = document.find("Pony")
    assert subject is not None
    answer = answers.settings_answer(document, subject, {"tier": "paid"})
    assert answer["settings"]["checkpointVersionId"] == 290640
    assert (answer["settings"]["width"], answer["from"]["width"]) == (1024, "SDXL")
    assert answer["constraints"] == {"additionalResources": 12}
    assert answer["constraints_from"]["additionalResources"].startswith("9 for everything; set 12")


def test_a_name_of_both_levels_is_described_on_both(shipped: Catalogue) -> None:
    assert [row["kind"] for row in answers.named_answers(shipped, "pony")] == ["base_model", "ecosystem"]
    assert [row["kind"] for row in answers.named_answers(shipped, "Flux1")] == ["base_model", "ecosystem"]
    assert [row["name"] for row in answers.named_answers(shipped, "Flux.1 D")] == ["Flux.1 D"]
    assert answers.named_answers(shipped, "nobody") == []
