"""The form for a job becomes the submission that it says, and an infotext or a job becomes the form again."""

import json

import pytest
from quartermaster.hub.errors import FieldError
from quartermaster.hub.jobs.infotexts import read_infotext
from quartermaster.hub.jobs.shapes import read_submission
from quartermaster.hub.pages.queue_form import EMPTY, from_infotext, from_job, given, is_bulk, submission

NAMES = {"attic": "the attic"}
INFOTEXT = """a fox, <lora:pony-fox:0.7>
Negative prompt: mud, easynegative
Steps: 31, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, Seed: 42, Size: 832x1216, \
Model hash: 0123456789, Model: pony-realism, VAE: sdxl-vae.safetensors, Denoising strength: 0.4, Hires upscale: 1.5, \
Hires upscaler: Latent, Clip skip: 2, Lora hashes: "pony-fox: aabbccddeeff\""""


def test_the_form_is_the_submission_that_it_says() -> None:
    filled = given({"prompt": "a\r\nfox", "checkpoint": " velvet ", "steps": "12", "seed": "", "server": "attic"})
    body = submission(filled, NAMES)
    asked = read_submission(body)
    assert (asked.target, asked.payload["prompt"], asked.payload["steps"]) == ("attic", "a\nfox", 12)
    assert "seed" not in asked.payload
    assert asked.wanted[0].name == "velvet"
    assert not is_bulk(filled)
    several = {**filled, "quantity": "4", "seed_variation": "increment"}
    assert is_bulk(several)
    assert submission(several, NAMES)["bulk_quantity"] == "4"


def test_an_infotext_comes_back_as_what_it_says_with_every_hash() -> None:
    filled = from_infotext(read_infotext(INFOTEXT, "infotext"), {**EMPTY, "server": "attic", "priority": "3"})
    assert (filled["checkpoint"], filled["model_hash"], filled["seed"]) == ("pony-realism", "0123456789", "42")
    assert (filled["width"], filled["height"], filled["scheduler"]) == ("832", "1216", "Karras")
    assert (filled["server"], filled["priority"]) == ("attic", "3")
    rest = json.loads(filled["more"])
    assert rest["override_settings"] == {"CLIP_stop_at_last_layers": 2, "sd_vae": "sdxl-vae.safetensors"}
    asked = read_submission(submission(filled, NAMES))
    assert asked.payload["enable_hr"] is True
    wanted = {each.role: (each.name, each.hashes) for each in asked.wanted}
    assert wanted["lora"] == ("pony-fox", ("aabbccddeeff",))
    assert wanted["checkpoint"] == ("pony-realism", ("0123456789",))
    assert wanted["vae"][0] == "sdxl-vae.safetensors"


def test_a_job_like_another_one_asks_for_the_same_models() -> None:
    first = read_submission(submission(from_infotext(read_infotext(INFOTEXT, "infotext"), EMPTY), NAMES))
    needed = [
        {"role": each.role, "name": each.name, "hash": next(iter(each.hashes), None), "source": each.source}
        for each in first.wanted
    ]
    with_image = {**first.payload, "init_images": [None]}  # the image itself is kept elsewhere
    again = read_submission(submission(from_job(with_image, needed, EMPTY), NAMES))
    assert again.payload == first.payload
    assert again.wanted == first.wanted


@pytest.mark.parametrize("more", ["{", "[1]", "nonsense", '{"a": 1'])
def test_what_is_no_json_is_said_in_words(more: str) -> None:
    with pytest.raises(FieldError, match="more"):
        submission({**EMPTY, "more": more}, NAMES)


def test_a_server_that_is_gone_is_not_any_server() -> None:
    with pytest.raises(FieldError, match="server"):
        submission({**EMPTY, "server": "cellar"}, NAMES)
