"""``GET /api/v1/ecosystems`` and ``POST /api/v1/compatibility``."""

from collections.abc import Callable
from typing import Any

import pytest
from quartermaster.ecosystems.load import digest, document_of, from_document, load_default, to_bytes
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api

PATH = "/api/v1/compatibility"


def test_the_catalogue_is_served_with_its_version_and_can_be_kept(api: Api) -> None:
    shipped = load_default()
    answer = api.get("/api/v1/ecosystems")
    told = answer.json()
    assert answer.status_code == 200 and told["success"]
    assert (told["version"], told["digest"]) == (shipped.version, digest(shipped))
    assert {row["name"] for row in told["ecosystems"]} == set(shipped.ecosystems)
    assert {row["name"] for row in told["base_models"]} == set(shipped.base_models)
    assert digest(from_document(told["catalogue"])) == told["digest"]


def test_a_caller_that_has_the_catalogue_is_not_sent_it_again(api: Api) -> None:
    tag = api.get("/api/v1/ecosystems").headers["ETag"]
    again = api.call("GET", "/api/v1/ecosystems", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert api.call("GET", "/api/v1/ecosystems", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_newer_catalogue_in_the_data_folder_is_served(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    document = document_of(load_default())
    newer = from_document({**document, "catalogue": {"name": "quartermaster", "version": "9999.1"}})
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "catalogue.json").write_bytes(to_bytes(newer))
    api = start_api(settings)
    assert api.get("/api/v1/ecosystems").json()["version"] == "9999.1"
    assert api.post(PATH, {"checkpoint": "Pony", "addon": "Pony", "type": "LORA"}).json()["version"] == "9999.1"


def test_a_damaged_catalogue_in_the_data_folder_does_no_harm(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "catalogue.json").write_text('{"catalogue"', encoding="utf-8")
    assert start_api(settings).get("/api/v1/ecosystems").json()["version"] == load_default().version


def test_a_verdict_comes_with_its_steps(api: Api) -> None:
    answer = api.post(PATH, {"checkpoint": "illustrious", "addon": "PONY", "type": "lora", "runtime": "forge"})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["grade"], told["checkpoint"], told["addon"], told["type"]) == (
        "Partial",
        "Illustrious",
        "Pony",
        "LORA",
    )
    assert told["steps"][3].startswith("4. Same family tree? Yes (both have SDXL as root)")


def test_what_is_unknown_is_a_grade_and_no_error(api: Api) -> None:
    told = api.post(PATH, {"checkpoint": "\ud83d\ude00", "addon": "Pony", "type": "LORA"}).json()
    assert (told["success"], told["grade"]) == (True, "Unknown")
    assert "is not in the catalogue" in told["reason"]


def test_many_questions_at_once(api: Api) -> None:
    one = {"checkpoint": "SD 3", "addon": "SD 3", "type": "LORA"}
    told = api.post(PATH, {"questions": [one, {**one, "runtime": "forge"}]}).json()
    assert [verdict["grade"] for verdict in told["verdicts"]] == ["None", "Full"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"addon": "Pony", "type": "LORA"}, "missing_required_field", "checkpoint"),
        ({"checkpoint": "Pony", "addon": "Pony", "type": "lorry"}, "invalid_field", "type"),
        ({"checkpoint": "Pony", "addon": ["Pony"], "type": "LORA"}, "invalid_field", "addon"),
        ({"questions": [{"checkpoint": "Pony"}]}, "missing_required_field", "questions[0].addon"),
    ],
)
def test_a_wrong_question_is_refused_with_its_field(api: Api, body: dict[str, Any], code: str, field: str) -> None:
    answer = api.post(PATH, body)
    assert (answer.status_code, answer.json()["error"], answer.json()["details"]) == (422, code, {"field": field})


def test_no_key_no_answer(api: Api) -> None:
    nobody = dict.fromkeys(api.headers, "")
    assert api.call("GET", "/api/v1/ecosystems", headers=nobody).status_code == 401
    assert api.call("POST", PATH, json={}, headers=nobody).status_code == 401
