"""Files that the zoo does not have: other trainers' names, ranks, parts of a model, packings and prefixes.

They are made from the recorded layouts, and from descriptions of published ones that were not recorded. The rule of all
of them: what is claimed is true, and what the layout decides is not lost by writing it differently.
"""

import re
from functools import lru_cache

import pytest
from quartermaster.bench.layouts import Tensors, cases
from quartermaster.ecosystems.identify.verdict import CLAIM
from quartermaster.tests.fakes.adapters import NAMINGS, adapter_of, identify, kohya, nf4, peft, scaled_fp8

CASES = {case["id"]: case for case in cases() if case["truth"]}
WHOLE = [
    name
    for name, case in CASES.items()
    if case["format"] == "safetensors"
    and case["truth"]["kind"] in {"UNet", "Checkpoint"}
    and not name.startswith("adv-")
    and name != "flux1-dev-bnb-nf4-v2"  # its weights are packed: sizes to build from are gone
]
ADAPTER_KINDS = {"LORA", "LoCon", "DoRA"}
_OTHER_PARTS = re.compile(
    r"^(?:first_stage_model|vae|cond_stage_model|conditioner|text_encoders?\.|model_ema|denoiser|edm_|v_pred|ztsnr|betas"
    r"|alphas|sqrt|log_one|posterior|lvlb|logvar)"
)
_PREFIX = re.compile(
    r"^(?:model\.diffusion_model\.|diffusion_model\.|net\.|transformer\.|model\.(?=double_layers|single_layers|modF"
    r"|t_embedder|init_x|final_linear|cond_seq|register|positional|blocks|mlp_t5|pooler|style|x_embedder|extra"
    r"|text_embedding))"
)


@lru_cache(maxsize=128)
def denoiser(name: str) -> Tensors:
    """Return the denoising part of a recorded model under bare names, without the like of most of its blocks.

    Of a long row of blocks the first four and the last two stay: what there is of each kind, and how many there are.
    """
    tensors = CASES[name]["tensors"]
    bare = {_PREFIX.sub("", key): value for key, value in tensors.items() if not _OTHER_PARTS.match(key)}
    last: dict[str, int] = {}
    for container, number in map(_block, bare):
        last[container] = max(last.get(container, 0), number)

    def stays(key: str) -> bool:
        container, number = _block(key)
        return last[container] < 16 or not 4 <= number < last[container] - 1

    return {key: value for key, value in bare.items() if stays(key)}


def _block(name: str) -> tuple[str, int]:
    container, _, rest = name.partition(".")
    number = rest.partition(".")[0]
    return container, int(number) if number.isdigit() else 0


PARTS = {
    "all": "",
    "attention": r"attn|attention",
    "feed-forward": r"mlp|ff|feed",
    "few-blocks": r"(?:^|[._])[0-3][._]",
    "first-attention": r"(?:blocks|layers)\.0\..*(?:attn|attention)",
}


@pytest.mark.parametrize("turn", range(len(PARTS)))
@pytest.mark.parametrize("name", WHOLE)
def test_an_adapter_of_any_part_in_any_naming_is_never_claimed_wrongly(name: str, turn: int) -> None:
    """Every naming meets every model, and every part meets every model and every naming, but not all three at once."""
    truth = CASES[name]["truth"]
    for place, naming in enumerate(sorted(NAMINGS)[turn :: len(PARTS)]):
        part = list(PARTS.values())[(place + turn + WHOLE.index(name)) % len(PARTS)]
        tensors = adapter_of(denoiser(name), NAMINGS[naming], part)
        if tensors:
            found = identify(tensors)
            assert found.kind in ADAPTER_KINDS
            assert found.confidence < CLAIM or found.ecosystem == truth["header_ecosystem"]


ADAPTERS = {
    "sd1-unetonly-ldm": "SD1",
    "sd2-768v": "SD2",
    "sdxl-unetonly-ldm": "SDXL",
    "sdxl-unet-diffusers": "SDXL",
    "flux1-dev-bfl-bf16": "Flux1",
    "flux2-dev": "Flux2",
    "flux2-klein-invoke-bfl-keys": "Flux2Klein_9B",
    "sd3-medium-incl-clips": "SD3",
    "sd35-medium-diffusers": "SD3_5M",
    "hidream-i1-fp8": "HiDream",
    "hunyuandit-1.1": "HyDit1",
    "hunyuanvideo-t2v-original-names": "HyV1",
    "lumina2-aio": "Lumina",
    "mochi-preview": "Mochi",
    "cogvideox-5b-i2v-diffusers": "CogVideoX",
    "ltxv-2b-diffusers": "LTXV",
    "ltx2-19b-dev": "LTXV2",
    "pixart-sigma-diffusers": "PixArtE",
    "qwen-image-edit-2511": "Qwen",
    "auraflow-v0.3": "AuraFlow",
    "ace-step-v1": "Ace",
    "anima-preview": "Anima",
    "cascade-stage-c-lite": "SCascade",
    "chroma-fp8": "Chroma",
    "wan21-14b-diffusers": "WanVideo14B_T2V",
    "wan22-ti2v-5b": "WanVideo-22-TI2V-5B",
    "wan21-i2v-14b-480p": "WanVideo14B_I2V_480p",
    "zimage-diffusers": "ZImageTurbo",
    "zimage-invoke-comfy-keys": "ZImageTurbo",
}


@pytest.mark.parametrize("naming", sorted(NAMINGS))
@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_an_adapter_over_a_whole_model_is_recognised_in_any_naming(name: str, naming: str) -> None:
    found = identify(adapter_of(denoiser(name), NAMINGS[naming], ""))
    assert found.ecosystem == ADAPTERS[name]


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_one_trained_attention_block_never_becomes_another_ecosystem_for_sure(name: str) -> None:
    found = identify(adapter_of(denoiser(name), kohya, r"(?:blocks|layers)[._]0[._].*(?:attn|attention)"))
    assert found.confidence < CLAIM or found.ecosystem == ADAPTERS[name]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model.", "transformer.", "unet.", "net."])
@pytest.mark.parametrize("name", WHOLE)
def test_a_model_is_the_same_under_any_prefix(name: str, prefix: str) -> None:
    truth = CASES[name]["truth"]
    found = identify({prefix + key: value for key, value in denoiser(name).items()})
    assert found.kind == "UNet"
    if truth["decidable_by"] == "layout" and truth["header_ecosystem"]:
        assert (found.ecosystem, found.confidence >= CLAIM) == (truth["header_ecosystem"], True)
    else:
        assert found.confidence < CLAIM


@pytest.mark.parametrize("name", WHOLE)
def test_scaled_fp8_hides_nothing(name: str) -> None:
    plain, packed = identify(denoiser(name)), identify(dict(scaled_fp8(denoiser(name))))
    assert (packed.kind, packed.ecosystem, packed.confidence) == (plain.kind, plain.ecosystem, plain.confidence)
    assert packed.extras["quantisation"] == "fp8_scaled"


NF4_WITHOUT_BIASES = {"cosmos-predict2-2b-t2i", "flux2-klein-invoke-bfl-keys"}


@pytest.mark.parametrize("name", sorted(set(WHOLE) - NF4_WITHOUT_BIASES))
def test_a_packed_model_is_told_by_its_names_and_biases(name: str) -> None:
    plain, packed = identify(denoiser(name)), identify(dict(nf4(denoiser(name))))
    assert (packed.kind, packed.ecosystem) == (plain.kind, plain.ecosystem)
    assert packed.extras["quantisation"] == "nf4"


@pytest.mark.parametrize("rank", [1, 2, 7, 64, 128, 320, 768])
@pytest.mark.parametrize(("name", "ecosystem"), [("sd1-unetonly-ldm", "SD1"), ("flux1-dev-bfl-bf16", "Flux1")])
def test_any_rank_is_read_and_mistaken_for_nothing(name: str, ecosystem: str, rank: int) -> None:
    found = identify(
        adapter_of(denoiser(name), lambda m, o, i, k: kohya(m, o, i, k, rank), "attn"),
    )
    assert found.ecosystem == ecosystem
    assert found.extras["rank"] == rank


def linear(name: str, outer: int, inner: int) -> Tensors:
    return {name + ".weight": ("F16", [outer, inner]), name + ".bias": ("F16", [outer])}


def ldm_unet(
    channels: int, context: int, depths: dict[str, int], *, inputs: int = 4, extra: Tensors | None = None
) -> Tensors:
    """Return a sketch of a U-Net in the original names; ``depths`` maps an attention's path to its blocks."""
    tensors: Tensors = {"input_blocks.0.0.weight": ("F16", [channels, inputs, 3, 3]), **(extra or {})}
    for path, depth in depths.items():
        width = 2 * channels
        tensors[f"{path}.proj_in.weight"] = ("F16", [width, width, 1, 1] if context == 768 else [width, width])
        for block in range(depth):
            for attention, source in (("attn1", width), ("attn2", context)):
                base = f"{path}.transformer_blocks.{block}.{attention}"
                tensors[f"{base}.to_q.weight"] = ("F16", [width, width])
                tensors[f"{base}.to_k.weight"] = ("F16", [width, source])
                tensors[f"{base}.to_v.weight"] = ("F16", [width, source])
    return tensors


SDXL_LABEL: Tensors = {"label_emb.0.0.weight": ("F16", [1280, 2816])}


def test_a_refiner_is_sdxl_for_sure() -> None:
    found = identify(ldm_unet(384, 1280, {"input_blocks.4.1": 4, "input_blocks.11.0": 1, "output_blocks.9.1": 4}))
    assert (found.kind, found.ecosystem, found.extras["variant"]) == ("UNet", "SDXL", "refiner")
    assert found.confidence >= CLAIM


def test_a_distilled_sdxl_is_told_by_its_depth_but_not_claimed() -> None:
    found = identify(
        ldm_unet(320, 2048, {"input_blocks.4.1": 2, "input_blocks.8.1": 4, "output_blocks.4.1": 2}, extra=SDXL_LABEL)
    )
    assert found.ecosystem == "SDXLDistilled"
    assert found.confidence < CLAIM


def test_the_first_file_of_a_model_in_parts_is_not_taken_for_a_smaller_model() -> None:
    found = identify(ldm_unet(320, 2048, {"input_blocks.4.1": 2, "input_blocks.8.1": 4}, extra=SDXL_LABEL))
    assert (found.kind, found.ecosystem) == ("UNet", "SDXL")
    assert found.confidence < CLAIM


@pytest.mark.parametrize(("inputs", "variant"), [(9, "inpainting"), (8, "edit")])
def test_more_input_channels_are_a_variant_and_not_another_ecosystem(inputs: int, variant: str) -> None:
    found = identify(
        ldm_unet(320, 2048, {"input_blocks.4.1": 2, "input_blocks.8.1": 10}, inputs=inputs, extra=SDXL_LABEL)
    )
    assert (found.ecosystem, found.extras["variant"]) == ("SDXL", variant)
    assert found.confidence < CLAIM


def test_stable_video_diffusion_is_not_sd2() -> None:
    time: Tensors = {"input_blocks.4.1.time_stack.0.attn1.to_q.weight": ("F16", [640, 640])}
    found = identify(ldm_unet(320, 1024, {"input_blocks.4.1": 1}, inputs=8, extra=time))
    assert (found.ecosystem, found.confidence >= CLAIM) == ("SVD", True)


CONTROLS: dict[str, tuple[Tensors, set[str | None]]] = {
    "ldm with prefix": (
        {
            "control_model." + k: v
            for k, v in {
                **ldm_unet(320, 768, {"input_blocks.1.1": 1}),
                "input_hint_block.0.weight": ("F16", [16, 3, 3, 3]),
                "zero_convs.0.0.weight": ("F16", [320, 320, 1, 1]),
            }.items()
        },
        {"SD1"},
    ),
    "stability control-lora": (
        {
            "lora_controlnet": ("F16", []),
            "input_hint_block.0.weight": ("F16", [16, 3, 3, 3]),
            "input_blocks.4.1.transformer_blocks.1.attn2.to_k.up": ("F16", [640, 128]),
            "input_blocks.4.1.transformer_blocks.1.attn2.to_k.down": ("F16", [128, 2048]),
        },
        {"SDXL"},
    ),
    "sdxl union": (
        {
            "task_embedding": ("F16", [6, 320]),
            "transformer_layes.0.attn.in_proj_weight": ("F16", [960, 320]),
            "controlnet_cond_embedding.conv_in.weight": ("F16", [16, 3, 3, 3]),
            "add_embedding.linear_1.weight": ("F16", [1280, 2816]),
            "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": ("F16", [640, 2048]),
        },
        {"SDXL"},
    ),
    "t2i-adapter sd1": (
        {
            "conv_in.weight": ("F16", [320, 192, 3, 3]),
            "body.0.block1.weight": ("F16", [320, 320, 3, 3]),
            "body.0.block2.weight": ("F16", [320, 320, 1, 1]),
        },
        {"SD1"},
    ),
    "t2i-adapter sdxl": (
        {
            "adapter.conv_in.weight": ("F16", [320, 768, 3, 3]),
            "adapter.body.0.resnets.0.block1.weight": ("F16", [320, 320, 3, 3]),
        },
        {"SDXL"},
    ),
    "xlabs flux": (
        {
            "input_hint_block.0.weight": ("F16", [16, 3, 3, 3]),
            "controlnet_blocks.0.weight": ("F16", [3072, 3072]),
            "double_blocks.0.img_attn.qkv.weight": ("F16", [9216, 3072]),
            "double_blocks.0.img_mod.lin.weight": ("F16", [18432, 3072]),
        },
        {"Flux1"},
    ),
    "lllite sd1": (
        {
            "lllite_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.down.0.weight": ("F16", [64, 768]),
            "lllite_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.mid.0.weight": ("F16", [64, 96]),
            "lllite_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.up.0.weight": ("F16", [320, 64]),
        },
        {"SD1", None},
    ),
    "sd3.5 large": (
        {
            "controlnet_blocks.0.weight": ("F16", [2432, 2432]),
            "transformer_blocks.0.adaLN_modulation.1.weight": ("F16", [14592, 2432]),
        },
        {"SD3"},
    ),
    "ip-adapter sd1": (
        {"image_proj.proj.weight": ("F16", [3072, 1024]), "ip_adapter.1.to_k_ip.weight": ("F16", [320, 768])},
        {"SD1"},
    ),
}


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_a_control_network_is_one_whatever_its_maker(name: str) -> None:
    tensors, ecosystems = CONTROLS[name]
    found = identify(tensors)
    assert found.kind == "Controlnet"
    assert found.ecosystem in ecosystems


UPSCALERS = {
    "esrgan, first names": {"model.0.weight": [64, 3, 3, 3], "model.1.sub.0.RDB1.conv1.0.weight": [32, 64, 3, 3]},
    "esrgan, trunk": {"conv_first.weight": [64, 3, 3, 3], "RRDB_trunk.0.RDB1.conv1.weight": [32, 64, 3, 3]},
    "real-esrgan": {"conv_first.weight": [64, 3, 3, 3], "body.0.rdb1.conv1.weight": [32, 64, 3, 3]},
    "real-esrgan as trained": {
        "params_ema.conv_first.weight": [64, 3, 3, 3],
        "params_ema.body.0.rdb1.conv1.weight": [32, 64, 3, 3],
    },
    "compact": {"body.0.weight": [64, 3, 3, 3], "body.1.weight": [64], "body.2.weight": [64, 64, 3, 3]},
    "swinir": {"conv_first.weight": [180, 3, 3, 3], "layers.0.residual_group.blocks.0.attn.qkv.weight": [540, 180]},
    "dat": {
        "conv_first.weight": [180, 3, 3, 3],
        "layers.0.blocks.0.attn.attns.0.rpe_biases": [961, 2],
        "layers.0.blocks.0.attn.qkv.weight": [540, 180],
    },
    "span": {
        "conv_1.sk.weight": [48, 3, 1, 1],
        "block_1.c1_r.sk.weight": [48, 48, 1, 1],
        "conv_cat.weight": [48, 192, 1, 1],
    },
    "omnisr": {
        "input.weight": [64, 3, 3, 3],
        "residual_layer.0.residual_layer.0.layer.0.fn.net.0.weight": [64, 64, 1, 1],
    },
    "scunet": {
        "m_head.0.weight": [64, 3, 3, 3],
        "m_body.0.trans_block.ln1.weight": [32],
        "m_tail.0.weight": [3, 64, 3, 3],
    },
}


@pytest.mark.parametrize("name", sorted(UPSCALERS))
def test_an_upscaler_is_one_in_old_and_new_names(name: str) -> None:
    found = identify({key: ("F32", shape) for key, shape in UPSCALERS[name].items()})
    assert found.kind == "Upscaler"
    assert found.confidence < CLAIM


VAES: dict[str, tuple[dict[str, list[int]], set[str | None]]] = {
    "sd1 or sdxl": ({"decoder.conv_in.weight": [512, 4, 3, 3], "decoder.conv_in.bias": [512]}, {None}),
    "flux": ({"vae.decoder.conv_in.weight": [512, 16, 3, 3]}, {None}),
    "flux2": ({"decoder.conv_in.weight": [512, 32, 3, 3], "bn.running_mean": [128]}, {"Flux2"}),
    "wan diffusers": (
        {"decoder.conv_in.weight": [384, 16, 3, 3, 3], "decoder.conv_in.bias": [384]},
        {"WanVideo", "Qwen"},
    ),
    "wan 2.2": ({"decoder.conv1.weight": [1024, 48, 3, 3, 3]}, {"WanVideo-22-TI2V-5B"}),
    "hunyuan video, own names": (
        {"decoder.conv_in.conv.weight": [512, 16, 3, 3, 3], "decoder.mid.attn_1.k.weight": [512, 512, 1, 1, 1]},
        {"HyV1"},
    ),
    "ltx": ({"decoder.conv_in.conv.weight": [1024, 128, 3, 3, 3]}, {"LTXV", None}),
    "cascade": ({"vquantizer.codebook.weight": [8192, 4]}, {"SCascade"}),
}


@pytest.mark.parametrize("name", sorted(VAES))
def test_a_vae_is_one_and_its_ecosystem_only_where_its_shape_says(name: str) -> None:
    shapes, ecosystems = VAES[name]
    found = identify({key: ("F32", shape) for key, shape in shapes.items()})
    assert found.kind == "VAE"
    assert found.ecosystem in ecosystems


ENCODERS = {
    "clip-l": {"text_model.embeddings.token_embedding.weight": [49408, 768]},
    "clip-l wrapped": {"transformer.text_model.embeddings.token_embedding.weight": [49408, 768]},
    "open clip": {"token_embedding.weight": [49408, 1280], "transformer.resblocks.0.attn.in_proj_weight": [3840, 1280]},
    "t5": {"shared.weight": [32128, 4096], "encoder.block.0.layer.0.SelfAttention.q.weight": [4096, 4096]},
    "umt5 of wan": {"token_embedding.weight": [256384, 4096]},
    "llama": {"model.embed_tokens.weight": [128256, 4096], "model.layers.0.self_attn.q_proj.weight": [4096, 4096]},
    "gemma": {"model.embed_tokens.weight": [256000, 2304], "model.layers.0.self_attn.q_proj.weight": [2048, 2304]},
    "qwen3": {
        "model.embed_tokens.weight": [151936, 2560],
        "model.layers.0.self_attn.q_norm.weight": [128],
        "model.layers.0.self_attn.q_proj.weight": [4096, 2560],
    },
}


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_text_encoder_is_one_and_claims_no_ecosystem(name: str) -> None:
    found = identify({key: ("BF16", shape) for key, shape in ENCODERS[name].items()})
    assert found.kind == "TextEncoder"
    assert found.confidence < CLAIM


def test_a_vision_encoder_is_no_text_encoder() -> None:
    shapes = {"vision_model.embeddings.patch_embedding.weight": [1280, 3, 14, 14]}
    assert identify({key: ("F16", shape) for key, shape in shapes.items()}).kind == "CLIPVision"


EMBEDDINGS: dict[str, tuple[dict[str, list[int]], str | None, bool]] = {
    "a1111": ({"emb_params": [16, 768]}, "SD1", True),
    "token": ({"<my-cat>": [4, 768]}, "SD1", True),
    "token, one vector": ({"<my-cat>": [768]}, "SD1", True),
    "sd2": ({"<style>": [8, 1024]}, "SD2", True),
    "sdxl": ({"clip_g": [8, 1280], "clip_l": [8, 768]}, "SDXL", False),
    "sd3": ({"clip_g": [8, 1280], "clip_l": [8, 768], "t5xxl": [8, 4096]}, "SD3", False),
    "flux": ({"clip_l": [8, 768], "t5xxl": [8, 4096]}, "Flux1", False),
}


@pytest.mark.parametrize("name", sorted(EMBEDDINGS))
def test_an_embedding_is_told_by_the_width_of_its_vectors(name: str) -> None:
    shapes, ecosystem, claimed = EMBEDDINGS[name]
    found = identify({key: ("F32", shape) for key, shape in shapes.items()})
    assert (found.kind, found.ecosystem, found.confidence >= CLAIM) == ("TextualInversion", ecosystem, claimed)


def text_encoder_lora(prefix: str, width: int, layers: int = 12) -> Tensors:
    tensors: Tensors = {}
    for layer in range(layers):
        base = f"{prefix}text_model_encoder_layers_{layer}_self_attn_q_proj"
        tensors[base + ".lora_down.weight"] = ("F16", [8, width])
        tensors[base + ".lora_up.weight"] = ("F16", [width, 8])
    return tensors


def test_a_lora_of_clip_l_alone_is_not_claimed() -> None:
    found = identify(text_encoder_lora("lora_te_", 768))
    assert (found.kind, found.ecosystem) == ("LORA", "SD1")
    assert found.confidence < CLAIM
    assert identify(text_encoder_lora("lora_te1_", 768)).ecosystem is None


def test_a_lora_of_clip_g_is_of_the_sdxl_family() -> None:
    found = identify({**text_encoder_lora("lora_te1_", 768), **text_encoder_lora("lora_te2_", 1280, 32)})
    assert found.ecosystem == "SDXL"
    assert found.confidence < CLAIM


def test_a_lora_of_openclip_is_sd2() -> None:
    found = identify(text_encoder_lora("lora_te_", 1024, 23))
    assert (found.ecosystem, found.confidence >= CLAIM) == ("SD2", True)


def test_flux_with_a_text_encoder_is_not_taken_for_sdxl() -> None:
    tensors = {**adapter_of(denoiser("flux1-dev-bfl-bf16"), kohya, "img_attn"), **text_encoder_lora("lora_te1_", 768)}
    assert identify(tensors).ecosystem == "Flux1"


def test_an_unknown_model_stays_unknown() -> None:
    found = identify({f"layers.{n}.frobnicate.weight": ("F16", [1000, 1000]) for n in range(20)})
    assert (found.kind, found.ecosystem, found.confidence) == (None, None, 0.0)


def test_an_adapter_of_an_unknown_model_is_an_adapter() -> None:
    found = identify(adapter_of({"blocks.0.frobnicate.weight": ("F16", [1000, 1000])}, peft("transformer."), ""))
    assert (found.kind, found.ecosystem) == ("LORA", None)
