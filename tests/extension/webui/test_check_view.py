"""What a person drops or pastes, over the sample library."""

import struct
import zlib
from types import SimpleNamespace

from quartermaster.tests.extension.webui.conftest import Page, WebUI


def resources(page: Page, text: str) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in page.post("check", text=text)["resources"]}


def test_an_infotext_is_resolved_by_hash_and_by_name(page: Page) -> None:
    clay = page.get("model", path="models/Lora/clay-flux.safetensors")["model"]
    text = (
        "a house, sample-negative <lora:ink-drawing:0.8> <lora:gone:1>\nNegative prompt: blurry\n"
        f"Steps: 20, Sampler: Euler, Model hash: {clay['autov2']}, Model: other-name, "
        f'Lora hashes: "ink-drawing: ffffffffffff", TI hashes: "sample-negative: abcdefabcdef", Version: 1.10'
    )
    found = resources(page, text)
    assert (found["other-name"]["status"], found["other-name"]["path"]) == ("here", clay["path"])
    assert found["ink-drawing"]["status"] == "unknown"
    assert "another file" in str(found["ink-drawing"]["note"])
    assert found["ink-drawing"]["weight"] == 0.8
    assert found["gone"]["status"] == "unknown"


def test_a_prompt_alone_is_resolved_by_name_with_grades(page: Page) -> None:
    answer = page.post("check", text="<lora:ink-drawing:1> and sample-negative")
    assert answer["found"] == "prompt"
    assert {row["name"]: row["status"] for row in answer["resources"]} == {
        "ink-drawing": "here",
        "sample-negative": "here",
    }
    assert answer["servers"][0]["has"] == answer["servers"][0]["of"] == 2


def test_an_image_is_read(page: Page) -> None:
    text = b"parameters\0<lora:ink-drawing:1>\nSteps: 20, Size: 8x8"
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    image = b"\x89PNG\r\n\x1a\n" + chunk + end
    answer = page.client.post("/quartermaster/check", data=image, headers={"Content-Type": "image/png"}).json()
    assert [row["name"] for row in answer["resources"]] == ["ink-drawing"]
    answer = page.client.post("/quartermaster/check", data=b"no image", headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["error"]) == (422, "not_an_image")


def test_nothing_is_nothing(page: Page) -> None:
    assert page.post("check", text="  ")["found"] == "nothing"
    assert page.post("prompt", prompt="")["warnings"] == []


def test_a_prompt_is_warned_of_before_it_runs(page: Page, web_ui: WebUI) -> None:
    file = str(web_ui.folder / "models/Stable-diffusion/sample-sd15.safetensors")
    web_ui.checkpoints["sample-sd15"] = SimpleNamespace(name="sample-sd15", filename=file)
    web_ui.options["sd_model_checkpoint"] = "sample-sd15"
    told = page.post("prompt", prompt="<lora:clay-flux:1> <lora:gone:1> <lora:ink-drawing:1>")["warnings"]
    assert [(warning["name"], warning["problem"]) for warning in told] == [
        ("clay-flux", "incompatible"),
        ("gone", "missing"),
    ]
