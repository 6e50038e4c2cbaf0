"""What the page is told, over a real agent and real files."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from quartermaster.extension.webui.life import Life
from quartermaster.extension.webui.routes import add_routes
from quartermaster.extension.webui.service import Service
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.extension.webui.conftest import Page, WebUI, serving
from quartermaster.tests.fakes.model_files import write_model

CHECKPOINT = "models/Stable-diffusion/sample-sd15.safetensors"
FLUX = "models/Lora/clay-flux.safetensors"


def names(answer: dict[str, Any]) -> list[str]:
    return [row["name"] for row in answer["models"]]


def test_the_status_says_what_runs_and_where_it_looks(page: Page, web_ui: WebUI) -> None:
    status = page.get("status")
    assert status["agent"] == {"state": "running", "message": None}
    assert status["models"] == 8
    assert status["progress"]["state"] == "idle"
    assert {root["label"] for root in status["roots"]} >= {"models/Lora", "embeddings"}
    assert status["hub"]["paired"] is False
    assert status["options"] == {"badges": True, "availability_badges": True, "prompt_warning": True}


def test_models_are_searched_filtered_ordered_and_paged(page: Page) -> None:
    everything = page.get("models")
    assert everything["total"] == 8
    assert names(everything) == sorted(names(everything), key=str.casefold)
    assert names(page.get("models", q="INK draw")) == ["ink-drawing", "ink-drawing-v2"]
    assert page.get("models", type="VAE")["total"] == 1
    assert page.get("models", type="VAE")["facets"]["type"]["LORA"] == 4  # what another choice would give
    assert page.get("models", ecosystem="")["total"] == everything["facets"]["ecosystem"][""]
    sizes = [row["size"] for row in page.get("models", sort="size", order="desc")["models"]]
    assert sizes == sorted(sizes, reverse=True)
    assert names(page.get("models", offset=2, limit=3)) == names(everything)[2:5]


def test_a_hash_finds_its_model(page: Page) -> None:
    row = page.get("models", q="clay")["models"][0]
    assert names(page.get("models", q=row["autov2"].upper())) == ["clay-flux"]
    assert names(page.get("models", q=row["autov3"])) == ["clay-flux"]


def test_everything_about_one_model(page: Page) -> None:
    model = page.get("model", path=FLUX)["model"]
    assert model["ecosystem"] == "Flux1"
    assert model["evidence"]
    assert model["paths"] == [FLUX]
    assert model["elsewhere"] is None
    assert page.client.get("/quartermaster/model", params={"path": "models/Lora/../../x"}).status_code == 404


def test_copies_and_equal_weights_are_grouped(page: Page, web_ui: WebUI, life: Life) -> None:
    lora = web_ui.folder / "models" / "Lora"
    shutil.copy2(lora / "clay-flux.safetensors", lora / "copy.safetensors")
    write_model(lora / "a.safetensors", b"one", metadata={"title": "a"})
    write_model(lora / "b.safetensors", b"one", metadata={"title": "b"})
    page.post("scan")
    eventually(lambda: page.ready()["models"] == 11, "the new files")
    assert names(page.get("models", group="duplicates", q="c")) == ["clay-flux", "copy"]
    assert {"a", "b"} <= set(names(page.get("models", group="same-weights")))
    assert "clay-flux" not in names(page.get("models", group="same-weights"))


def test_a_correction_wins_survives_and_can_be_taken_back(page: Page, life: Life) -> None:
    sha256 = page.get("model", path=FLUX)["model"]["sha256"]
    assert page.post("correct", sha256=[sha256, "0" * 64], base_model="pony", type="LoCon")["changed"] == 1
    corrected = page.get("model", path=FLUX)["model"]
    assert (corrected["base_model"], corrected["ecosystem"], corrected["type"]) == ("Pony", "Pony", "LoCon")
    assert corrected["confidence"] == 1.0
    assert corrected["corrected"]
    assert corrected["evidence"][0]["witness"] == "manual"
    assert names(page.get("models", state="corrected")) == ["clay-flux"]
    page.post("scan")
    life.restart()
    eventually(lambda: life.condition.state == "running" and page.ready(), "the new agent")
    assert page.get("model", path=FLUX)["model"]["base_model"] == "Pony"
    page.post("correct", sha256=[sha256], clear=True)
    assert page.get("model", path=FLUX)["model"]["ecosystem"] == "Flux1"


def test_a_correction_that_says_nothing_known_is_refused(page: Page) -> None:
    for body in ({}, {"base_model": "no such model"}, {"type": "no such type"}, {"base_model": 1}):
        answer = page.client.post("/quartermaster/correct", json={"sha256": ["0" * 64], **body})
        assert answer.status_code == 422, body


def test_what_works_with_a_checkpoint_has_a_grade_a_reason_and_steps(page: Page) -> None:
    found = page.get("compatibility", checkpoint=CHECKPOINT)
    grades = {row["name"]: row["grade"] for row in found["models"]}
    assert grades["ink-drawing"] == "Full"
    assert grades["clay-flux"] == "None"
    assert grades["sample-old"] == "Unknown"
    assert "sample-sd15" not in grades
    assert all(row["reason"] for row in found["models"])
    assert {row["key"] for row in found["defaults"]["settings"]} >= {"steps", "cfg", "width"}
    assert page.get("compatibility/steps", checkpoint=CHECKPOINT, path=FLUX)["steps"]
    assert page.get("compatibility", checkpoint="SDXL 1.0")["checkpoint"]["base_model"] == "SDXL 1.0"
    assert "No checkpoint" in page.get("compatibility")["message"]
    assert page.client.get("/quartermaster/compatibility?checkpoint=nonsense").status_code == 404


def test_the_catalogue_s_default_checkpoint_is_found_by_its_version(page: Page, web_ui: WebUI) -> None:
    def default() -> dict[str, Any]:
        settings = page.get("compatibility", checkpoint=CHECKPOINT)["defaults"]["settings"]
        return dict(next(row for row in settings if row["key"] == "checkpointVersionId"))

    assert default()["status"] is None  # nothing is known of any version
    sidecar = (web_ui.folder / CHECKPOINT).with_suffix(".civitai.info")
    sidecar.write_text(json.dumps({"id": default()["value"], "modelId": 1, "model": {"name": "The Default"}}))
    eventually(lambda: default()["status"] == "here", "the sidecar")
    assert default()["title"] == "The Default"


def test_the_matrix_is_square_and_of_what_this_program_loads(page: Page) -> None:
    matrix = page.get("compatibility/matrix", type="lora")
    names = matrix["ecosystems"]
    assert "SD1" in names
    assert not {"Flux1", "Upscaler"} & set(names)  # A1111 does not load the one, and the other has no LoRAs
    assert [len(row) for row in matrix["grades"]] == [len(names)] * len(names)
    assert matrix["grades"][names.index("SD1")][names.index("SD1")] == "Full"


def test_cards_are_found_by_their_file(page: Page, web_ui: WebUI) -> None:
    file = str(web_ui.folder / CHECKPOINT)
    web_ui.checkpoints["sample-sd15"] = SimpleNamespace(name="sample-sd15", filename=file)
    web_ui.options["sd_model_checkpoint"] = "sample-sd15"
    cards = page.get("cards")
    assert cards["checkpoint"]["path"] == CHECKPOINT
    assert cards["cards"][str(web_ui.folder / FLUX)]["grade"] == "None"
    assert cards["cards"][file]["grade"] is None


def test_a_preview_is_only_what_lies_beside_a_model(page: Page, web_ui: WebUI) -> None:
    image = web_ui.folder / "models" / "Lora" / "clay-flux.preview.png"
    assert page.client.get("/quartermaster/preview", params={"path": FLUX}).status_code == 404
    image.write_bytes(b"\x89PNG")
    answer = page.client.get("/quartermaster/preview", params={"path": FLUX})
    assert (answer.content, answer.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert page.client.get("/quartermaster/preview", params={"path": str(image)}).status_code == 404


def test_verifying_reads_a_model_again(page: Page, life: Life) -> None:
    assert life.agent is not None
    before = life.agent.pool.meter.bytes_read_ever
    sha256 = page.get("model", path=FLUX)["model"]["sha256"]
    assert page.post("verify", sha256=[sha256])["files"] == 1
    size = page.get("model", path=FLUX)["model"]["size"]
    eventually(lambda: life.agent and life.agent.pool.meter.bytes_read_ever == before + size, "the second reading")


def test_without_a_hub_its_routes_say_what_to_do(page: Page) -> None:
    for path in ("fleet", "fleet/models", "availability?hash=0123456789"):
        answer = page.client.get(f"/quartermaster/{path}")
        assert (answer.status_code, answer.json()["error"]) == (409, "not_paired")


def test_a_web_ui_whose_agent_does_not_run_is_told(web_ui: WebUI, life: Life, tmp_path: Path) -> None:
    app = FastAPI()
    add_routes(app, life.host, Service(life).routes())
    with serving(app) as client:
        assert client.get("/quartermaster/status").json()["agent"]["state"] == "stopped"
        assert client.get("/quartermaster/models").json()["total"] == 0
        assert client.post("/quartermaster/scan", json={}).status_code == 503
