from typing import Any

import pytest
from quartermaster.ecosystems.infotext.comfyui import Graph, read_graph

PROMPT: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 5, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
                   "model": ["10", 0], "positive": ["20", 0], "negative": ["20", 1], "latent_image": ["5", 0]},
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd\\base.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle, embedding:easy.pt", "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["10", 1]}},
    "8": {"class_type": "PrimitiveString", "inputs": {"value": "blurry, (embedding:bad:1.2)"}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "x.safetensors", "strength_model": 0.8, "strength_clip": 1, "model": ["4", 0]},
    },
    "11": {"class_type": "VAELoader", "inputs": {"vae_name": "v.pt"}},
    "12": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "c.pth"}},
    "20": {
        "class_type": "ControlNetApplyAdvanced",
        "inputs": {"positive": ["6", 0], "negative": ["7", 0], "control_net": ["12", 0], "strength": 1.0},
    },
}  # fmt: skip


def listed(graph: Graph | None) -> set[tuple[str, str, float | None]]:
    assert graph is not None
    return {(each.role, each.name, each.weight) for each in graph.resources}


def test_the_graph_that_ran_tells_prompts_settings_and_models() -> None:
    graph = read_graph(PROMPT)
    assert graph is not None
    assert graph.prompt == "a castle, embedding:easy.pt"
    assert graph.negative == "blurry, (embedding:bad:1.2)"
    assert graph.fields == {
        "Seed": "5", "Steps": "20", "CFG scale": "8.0", "Sampler": "euler", "Schedule type": "normal",
        "Denoising strength": "1", "Size": "512x768",
    }  # fmt: skip
    assert listed(graph) == {
        ("checkpoint", "sd\\base.safetensors", None),
        ("lora", "x.safetensors", 0.8),
        ("vae", "v.pt", None),
        ("controlnet", "c.pth", None),
        ("embedding", "easy.pt", None),
        ("embedding", "bad", None),
    }


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        ("UNETLoader", {"unet_name": "flux.safetensors"}, {("unet", "flux.safetensors", None)}),
        (
            "DualCLIPLoader",
            {"clip_name1": "clip_l.st", "clip_name2": "t5.st", "type": "flux"},
            {("text_encoder", "clip_l.st", None), ("text_encoder", "t5.st", None)},
        ),
        ("CLIPVisionLoader", {"clip_name": "vit.st"}, {("clip_vision", "vit.st", None)}),
        ("UpscaleModelLoader", {"model_name": "4x.pth"}, {("upscaler", "4x.pth", None)}),
        ("LoraLoaderModelOnly", {"lora_name": "x", "strength_model": -1}, {("lora", "x", -1.0)}),
        (
            "Efficient Loader",
            {"ckpt_name": "m", "vae_name": "Baked VAE", "lora_name": "None"},
            {("checkpoint", "m", None)},
        ),
        (
            "Power Lora Loader (rgthree)",
            {"lora_1": {"on": True, "lora": "a", "strength": 0.5}, "lora_2": {"on": False, "lora": "b"}},
            {("lora", "a", 0.5)},
        ),
        ("Stack", {"lora_name_1": "a", "lora_name_2": "b"}, {("lora", "a", None), ("lora", "b", None)}),
        ("KSampler", {"model_name": "no file", "ckpt_name": ["4", 0], "lora_name": 5}, set()),
    ],
)
def test_loaders_of_all_kinds_are_known_by_their_inputs(kind: str, inputs: Any, expected: Any) -> None:
    assert listed(read_graph({"1": {"class_type": kind, "inputs": inputs}})) == expected


def workflow(**more: Any) -> dict[str, Any]:
    nodes = [
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["base.safetensors"],
         "properties": {"models": [{"name": "base.safetensors", "hash": "A" * 64, "hash_type": "SHA256"}]}},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a castle"]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["blurry"]},
        {"id": 8, "type": "LoraLoader", "mode": 4, "widgets_values": ["bypassed", 1, 1]},
        {"id": 9, "type": "LoraLoader", "mode": 0, "widgets_values": ["used", 0.5, 1]},
        {"id": 3, "type": "KSampler", "widgets_values": [5, "randomize", 20],
         "inputs": [{"name": "positive", "link": 1}, {"name": "negative", "link": 2}, {"name": "x", "link": None}]},
    ]  # fmt: skip
    return {"nodes": nodes, "links": [[1, 6, 0, 3, 1, "CONDITIONING"], [2, 7, 0, 3, 2, "CONDITIONING"]], **more}


def test_the_editors_document_is_read_where_no_graph_is() -> None:
    graph = read_graph(None, workflow())
    assert graph is not None
    assert (graph.prompt, graph.negative) == ("a castle", "blurry")
    assert listed(graph) == {("checkpoint", "base.safetensors", None), ("lora", "used", 0.5)}


def test_the_hash_that_a_document_states_is_taken() -> None:
    both = read_graph(
        {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sub/base.safetensors"}}}, workflow()
    )
    assert both is not None
    assert [(each.name, each.hash) for each in both.resources] == [("sub/base.safetensors", "a" * 64)]


def test_models_inside_of_subgraphs_are_found() -> None:
    inner = {"id": "x", "nodes": [{"id": 1, "type": "VAELoader", "widgets_values": ["v.pt"]}], "links": [{"id": 1}]}
    graph = read_graph(None, workflow(definitions={"subgraphs": [inner]}))
    assert ("vae", "v.pt", None) in listed(graph)


def test_a_flux_graph_has_its_prompt_behind_a_guider() -> None:
    graph = read_graph(
        {
            "1": {"class_type": "BasicGuider", "inputs": {"conditioning": ["2", 0], "model": ["9", 0]}},
            "2": {"class_type": "FluxGuidance", "inputs": {"conditioning": ["3", 0], "guidance": 3.5}},
            "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle", "clip": ["4", 0]}},
        }
    )
    assert graph is not None and graph.prompt == "a castle"


def test_a_graph_that_turns_in_a_circle_ends() -> None:
    nodes = {
        str(n): {"class_type": "Sampler", "inputs": {"positive": [str((n + 1) % 3000), 0], "text": f"t{n}"}}
        for n in range(3000)
    }
    graph = read_graph(nodes)
    assert graph is not None and graph.prompt.count("\n") == 2999


@pytest.mark.parametrize(
    "value",
    [None, 5, [], {}, {"a": 1}, {"1": {"class_type": "X"}}, {"1": {"class_type": 5, "inputs": {}}}, {"nodes": {}},
     {"nodes": [5, {}, {"type": 5}]}, {"nodes": [], "links": 5, "definitions": []}],
)  # fmt: skip
def test_what_is_no_graph_is_none(value: object) -> None:
    assert read_graph(value, value) is None


def test_odd_values_inside_of_a_graph_are_passed_over() -> None:
    node = {"type": "LoraLoader", "mode": [], "widgets_values": [None, {"lora": "y"}], "inputs": [5, {"link": []}],
            "properties": {"models": [5, {"hash_type": "SHA256", "hash": 5, "name": 5}]}}  # fmt: skip
    assert listed(read_graph(None, {"nodes": [node], "links": [[], [True], ["a", "b", "c"]]})) == {("lora", "y", None)}
