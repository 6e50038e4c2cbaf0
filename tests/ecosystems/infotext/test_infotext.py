import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.ecosystems.infotext import (
    FOUND,
    INFOTEXT,
    MAX_TEXT_CHARACTERS,
    NOTHING,
    PROMPT,
    WORKFLOW,
    ImageError,
    Resource,
    TextTooLongError,
    parse,
    parse_image,
    prompt_resources,
)
from quartermaster.tests.fakes.images import exif, international, jpeg_with_exif, plain, png, unicode_comment, webp

A1111 = (
    "portrait, <lora:add detail:0.8>, <lora:film grain:0.5>, easynegative in the picture\n"
    "Negative prompt: EasyNegative, blurry\n"
    "Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 832x1216, "
    "Model hash: 67ab2fd8ec, Model: pony_v6, VAE hash: 235745af8d, VAE: sdxl_vae.safetensors, "
    'Denoising strength: 0.4, Hires upscale: 1.5, Hires upscaler: 4x-UltraSharp, '
    'ControlNet 0: "Module: canny, Model: control_canny [d14c016b], Weight: 1, Control Mode: Balanced", '
    'Lora hashes: "add detail: 7c6bad76eb54, film grain: e3b0c44298fc", '
    'TI hashes: "easynegative: c74b4e810b03, easynegative: c74b4e810b03", '
    "Refiner: sd_xl_refiner_1.0 [7440042bbd], Refiner switch at: 0.8, Version: v1.10.1, "
    'Hashes: {"model": "67ab2fd8ec", "lora:add detail": "b1a2c3d4e5", "embed:easynegative": "c74b4e810b"}'
)  # fmt: skip

FORGE = (
    "portrait <lora:x:1>\n"
    "Steps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 1, "
    "Size: 896x1152, Model hash: 4610115bb0, Model: flux1-dev, Diffusion in Low Bits: bnb-nf4, "
    "Lora hashes: x: 9f86d081884c, Version: f2.0.1v1.10.1-previous-1, "
    "Module 1: ae, Module 2: clip_l, Module 3: t5xxl_fp8"
)


def brief(resource: Resource) -> tuple[str, str, str | None, float | None]:
    return resource.role, resource.name, resource.hash, resource.weight


def test_what_a1111_writes_names_each_model_once() -> None:
    read = parse(A1111)
    assert (read.found, read.text) == (INFOTEXT, A1111)
    assert read.negative == "EasyNegative, blurry"
    assert read.fields["Sampler"] == "DPM++ 2M" and read.fields["Version"] == "v1.10.1"
    assert [brief(each) for each in read.resources] == [
        ("checkpoint", "pony_v6", "67ab2fd8ec", None),
        ("vae", "sdxl_vae.safetensors", "235745af8d", None),
        ("upscaler", "4x-UltraSharp", None, None),
        ("controlnet", "control_canny", "d14c016b", 1.0),
        ("checkpoint", "sd_xl_refiner_1.0", "7440042bbd", None),
        ("lora", "add detail", "b1a2c3d4e5", 0.8),
        ("lora", "film grain", "e3b0c44298fc", 0.5),
        ("embedding", "easynegative", "c74b4e810b", None),
    ]
    (detail,) = [each for each in read.resources if each.name == "add detail"]
    assert detail.searchable_hashes == ("b1a2c3d4e5", "7c6bad76eb54")


def test_what_forge_writes_names_its_modules() -> None:
    read = parse(FORGE)
    assert [brief(each) for each in read.resources] == [
        ("checkpoint", "flux1-dev", "4610115bb0", None),
        ("module", "ae", None, None),
        ("module", "clip_l", None, None),
        ("module", "t5xxl_fp8", None, None),
        ("lora", "x", "9f86d081884c", 1.0),
    ]


def test_embeddings_are_found_only_where_their_names_are_given() -> None:
    prompt = "portrait\nNegative prompt: bad hands"
    assert parse(prompt).resources == ()
    assert [brief(each)[:2] for each in parse(prompt, ["bad hands", "other"]).resources] == [("embedding", "bad hands")]
    with_hires = 'a\nSteps: 1, Hires negative prompt: "bad hands, x", Seed: 1'
    assert [each.name for each in parse(with_hires, ["bad hands"]).resources] == ["bad hands"]


@pytest.mark.parametrize("text", ["a castle", "a castle\nNegative prompt: blurry", "{not json}", '{"a": 1}', "{a|b} c"])
def test_a_text_without_fields_is_a_prompt(text: str) -> None:
    read = parse(text)
    assert read.found == PROMPT and read.prompt == text.partition("\n")[0] and read.fields == {}


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_is_nothing(text: str) -> None:
    assert parse(text).found == NOTHING and parse(text).resources == ()


def test_prompts_alone_can_be_asked() -> None:
    found = prompt_resources("a <lora:x:0.5>, <lora:x:1>, easy", "bad, <lora:y:1>", ["bad", "easy"])
    assert [brief(each) for each in found] == [
        ("lora", "x", None, 0.5),
        ("embedding", "easy", None, None),
        ("embedding", "bad", None, None),
    ]


GRAPH = json.dumps({"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "c.safetensors"}}})
DOCUMENT = json.dumps({"nodes": [{"id": 1, "type": "VAELoader", "widgets_values": ["v.pt"]}], "links": []})


@pytest.mark.parametrize(
    ("text", "name"),
    [(GRAPH, "c.safetensors"), (DOCUMENT, "v.pt"), (f'{{"prompt": {GRAPH}, "workflow": {DOCUMENT}}}', "c.safetensors")],
)
def test_a_pasted_comfyui_graph_is_a_workflow(text: str, name: str) -> None:
    read = parse(f" {text}")
    assert read.found == WORKFLOW and [each.name for each in read.resources] == [name]


@pytest.mark.parametrize(
    "image",
    [
        png(plain("parameters", FORGE)),
        png(international("parameters", FORGE)),
        jpeg_with_exif(exif({}, order=">", comment=unicode_comment(FORGE))),
        webp((b"EXIF", exif({}, comment=unicode_comment(FORGE)))),
    ],
    ids=["png", "png, iTXt", "jpeg", "webp"],
)
def test_an_image_says_what_its_infotext_says(image: bytes) -> None:
    assert parse_image(image) == parse(FORGE)


def test_a_comfyui_image_is_read_from_png_and_from_webp() -> None:
    for image in (
        png(plain("prompt", GRAPH), plain("workflow", DOCUMENT)),
        webp((b"EXIF", exif({0x010F: f"workflow:{DOCUMENT}\0".encode(), 0x0110: f"prompt:{GRAPH}\0".encode()}))),
    ):
        read = parse_image(image)
        assert (read.found, [each.name for each in read.resources]) == (WORKFLOW, ["c.safetensors"])
    assert [each.name for each in parse_image(png(plain("workflow", DOCUMENT))).resources] == ["v.pt"]


def test_of_several_texts_the_most_telling_counts() -> None:
    both = png(plain("parameters", "just words"), plain("prompt", GRAPH))
    assert parse_image(both).found == WORKFLOW
    assert parse_image(png(plain("prompt", GRAPH), plain("parameters", FORGE))).found == INFOTEXT
    assert parse_image(png(plain("Software", "x"), plain("prompt", "{}"))).found == NOTHING
    with pytest.raises(ImageError):
        parse_image(b"GIF89a")


def test_a_text_beyond_the_bound_is_refused() -> None:
    with pytest.raises(TextTooLongError):
        parse("x" * (MAX_TEXT_CHARACTERS + 1))
    with pytest.raises(AttributeError):
        parse("x").prompt = "y"  # type: ignore[misc]  # frozen: that is what is asked


PIECES = ["Steps: 20", ", ", "\n", "Negative prompt: ", '"', "{", "}", "[", "]", ":", "<lora:", ">", "Lora hashes: ",
          "Hashes: ", "ControlNet 0: ", "Model: ", "\\", "a", "0123456789", "Civitai resources: ", "class_type", " ",
          "nodes", "\x00", "ü"]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join))
def test_anything_that_is_pasted_is_read_as_something(text: str) -> None:
    read = parse(text, ["a", "ü"])
    assert read.found in FOUND and read.text == text
    for each in read.resources:
        assert each.role and (each.name or each.hash or each.civitai_version_id or each.source)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(PIECES),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["nodes", "links", "prompt", "workflow", "class_type", "inputs", "type", "widgets_values", "1",
                         "lora_name", "positive", "definitions", "subgraphs", "properties", "models", "mode", "id"]),
        inner, max_size=4,
    ),
    max_leaves=30,
)  # fmt: skip


@settings(deadline=None)
@given(JSON, JSON)
def test_any_json_in_a_comfyui_image_is_survived(prompt: object, workflow: object) -> None:
    parse(json.dumps(prompt))
    chunks = [international("prompt", json.dumps(prompt)), international("workflow", json.dumps(workflow))]
    assert parse_image(png(*chunks)).found in FOUND
