"""Architectures that the recorded files lack, each as a few modules of its definition (the classes of diffusers and of
its makers): whole, packed, in parts, and with an adapter in every naming. None is claimed as another one."""

from collections.abc import Callable, Iterator

import pytest
from quartermaster.bench.layouts import Tensors
from quartermaster.ecosystems.identify.verdict import CLAIM
from quartermaster.tests.fakes.adapters import (
    NAMINGS,
    adapter_of,
    identify,
    int8,
    kohya,
    nf4,
    nvfp4,
    quanto,
    scaled_fp8,
)

Packing = Callable[[Tensors], Iterator[tuple[str, tuple[str, list[int]]]]]


def blocks(container: str, count: int, modules: dict[str, list[int]], **others: list[int]) -> Tensors:
    """Return ``count`` blocks of the same modules (name -> shape of the weight), and others with ``__`` for dots."""
    shapes = {f"{container}.{n}.{name}": shape for n in range(count) for name, shape in modules.items()}
    shapes.update({name.replace("__", "."): shape for name, shape in others.items()})
    tensors: Tensors = {}
    for name, shape in shapes.items():
        tensors[name + ".weight"] = ("BF16", shape)
        tensors[name + ".bias"] = ("BF16", [shape[0]])
    return tensors


def attention(name: str, width: int, *, keys: int | None = None, source: int | None = None) -> dict[str, list[int]]:
    inner, outer = source or width, keys or width
    return {
        f"{name}.to_q": [width, width],
        f"{name}.to_k": [outer, inner],
        f"{name}.to_v": [outer, inner],
        f"{name}.to_out.0": [width, width],
    }


def joint(width: int) -> dict[str, list[int]]:
    added = {f"attn.{name}": [width, width] for name in ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")}
    return {**attention("attn", width), **added, "norm1.linear": [6 * width, width]}


MODELS: dict[str, tuple[Tensors, str | None]] = {
    "krea 2, diffusers": (
        blocks("transformer_blocks", 28, {**attention("attn", 6144, keys=1536), "ff.gate": [16384, 6144]}),
        "Krea2",
    ),
    "mochi, diffusers": (
        blocks(
            "transformer_blocks",
            48,
            {**attention("attn1", 3072), "attn1.add_q_proj": [3072, 1536], "norm1_context.linear": [6144, 3072]},
        ),
        "Mochi",
    ),
    "minimax h3, diffusers": (
        blocks("transformer_blocks", 50, {"attn.to_q": [7168, 5376], "adaln_proj.linear": [96768, 2688]}),
        "MiniMaxH3",
    ),
    "ideogram 4": (
        blocks("layers", 34, {"attention.qkv": [13824, 4608], "feed_forward.w1": [12288, 4608]}),
        "Ideogram",
    ),
    "ernie": (blocks("layers", 36, {**attention("self_attention", 3072), "adaLN_sa_ln": [3072]}), "Ernie"),
    "ace-step 1.5": (
        blocks(
            "layers",
            24,
            {**attention("self_attn", 2048, keys=1024), **attention("cross_attn", 2048, keys=1024)},
            proj_in_conv=[2048, 192, 2],
            time_embed__linear_1=[2048, 256],
        ),
        "Ace",
    ),
    "cosmos predict2, diffusers": (
        blocks(
            "transformer_blocks",
            28,
            {**attention("attn1", 2048), **attention("attn2", 2048, source=1024), "norm1.linear_1": [256, 2048]},
            patch_embed__proj=[2048, 68],
            time_embed__t_embedder__linear_1=[2048, 2048],
        ),
        None,
    ),
    "ltx-video 2b": (
        blocks("transformer_blocks", 28, {**attention("attn1", 2048), **attention("attn2", 2048)}),
        "LTXV",
    ),
    "cogview 4": (
        blocks(
            "transformer_blocks",
            28,
            attention("attn1", 2560),
            time_condition_embed__timestep_embedder__linear_1=[512, 2560],
        ),
        None,
    ),
    "hunyuanvideo 1.5, diffusers": (
        blocks("transformer_blocks", 54, joint(2048), time_embed__timestep_embedder__linear_1=[2048, 256]),
        None,
    ),
    "hunyuan3d": (
        blocks(
            "double_blocks",
            16,
            {"img_attn.qkv": [3072, 1024], "img_mod.lin": [6144, 1024]},
            latent_in=[1024, 64],
            cond_in=[1024, 1536],
        ),
        "Hunyuan3D",
    ),
    "longcat-image": (
        {
            **blocks("transformer_blocks", 10, joint(3072), context_embedder=[3072, 3584], x_embedder=[3072, 64]),
            **blocks("single_transformer_blocks", 20, {**attention("attn", 3072), "norm.linear": [9216, 3072]}),
            **blocks("time_embed", 0, {}, time_embed__timestep_embedder__linear_1=[3072, 256]),
        },
        None,
    ),
}
WITHOUT_OWN_WIDTH = {"cogview 4", "hunyuan3d", "longcat-image"}
"""An adapter over a part of these has what another family has too: nothing may be claimed, something may be shown."""
PACKINGS: dict[str, Packing] = {"fp8": scaled_fp8, "nvfp4": nvfp4, "int8": int8, "quanto": quanto, "nf4": nf4}


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "transformer.", "_orig_mod."])
@pytest.mark.parametrize("name", MODELS)
def test_a_whole_model_is_itself_or_nothing(name: str, prefix: str) -> None:
    tensors, ecosystem = MODELS[name]
    found = identify({prefix + key: value for key, value in tensors.items()})
    assert (found.kind, found.ecosystem) == ("UNet", ecosystem)
    assert found.conflicts == ()


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", MODELS)
def test_packing_hides_no_model(name: str, packing: str) -> None:
    tensors, ecosystem = MODELS[name]
    assert identify(dict(PACKINGS[packing](tensors))).ecosystem == ecosystem


@pytest.mark.parametrize("naming", sorted(NAMINGS))
@pytest.mark.parametrize("name", MODELS)
def test_an_adapter_is_recognised_and_never_claimed_as_another_s(name: str, naming: str) -> None:
    tensors, ecosystem = MODELS[name]
    found = identify(adapter_of(tensors, NAMINGS[naming], "blocks|layers"))
    assert found.kind in {"LORA", "LoCon", "DoRA"}
    assert found.confidence < CLAIM or found.ecosystem == ecosystem
    if ecosystem and name not in WITHOUT_OWN_WIDTH:
        assert found.ecosystem == ecosystem


@pytest.mark.parametrize("rank", [1, 128])
@pytest.mark.parametrize("name", MODELS)
def test_one_attention_layer_without_alpha_claims_nothing_false(name: str, rank: int) -> None:
    tensors, ecosystem = MODELS[name]
    first = {
        key: value
        for key, value in tensors.items()
        if (".0." in key and "to_q" in key) or (".0." in key and "qkv" in key)
    }
    adapter = adapter_of(first, lambda m, o, i, k: kohya(m, o, i, k, rank), "")
    found = identify({key: value for key, value in adapter.items() if not key.endswith(".alpha")})
    assert not adapter or found.extras["rank"] == rank
    assert found.confidence < CLAIM or found.ecosystem == ecosystem


@pytest.mark.parametrize("name", MODELS)
def test_a_file_of_several_is_what_the_whole_is_or_unsure(name: str) -> None:
    """``model-00002-of-00003.safetensors``: each file has some of the blocks, the last none of the first ones."""
    tensors, ecosystem = MODELS[name]
    keys = list(tensors)
    for part in range(3):
        found = identify({key: tensors[key] for key in keys[part * len(keys) // 3 : (part + 1) * len(keys) // 3]})
        assert found.confidence < CLAIM or found.ecosystem == ecosystem


def test_a_text_encoder_under_sd1_s_name_does_not_make_an_sdxl_adapter_sure() -> None:
    unet = {
        f"down_blocks.2.attentions.0.transformer_blocks.{n}.attn2.to_k.weight": ("F16", [1280, 2048]) for n in range(9)
    }
    both = {**unet, "text_model.encoder.layers.0.self_attn.q_proj.weight": ("F16", [768, 768])}
    named = {key.replace("lora_unet_text", "lora_te_text"): value for key, value in adapter_of(both, kohya, "").items()}
    found = identify(named)
    assert (found.ecosystem, found.confidence < CLAIM) == ("SDXL", True)


def test_flux_in_nunchaku_s_names_is_of_the_family() -> None:
    tensors: Tensors = {}
    for container in ("transformer_blocks", "single_transformer_blocks"):
        for part, (outer, inner) in {"qkv_proj": (9216, 3072), "mlp_fc1": (12288, 3072)}.items():
            base = f"{container}.0.{part}"
            tensors[base + ".qweight"] = ("I8", [outer, inner // 2])
            tensors[base + ".wscales"] = ("BF16", [inner // 64, outer])
            tensors[base + ".lora_down"] = ("BF16", [inner, 32])
    found = identify(tensors)
    assert (found.kind, found.ecosystem, found.extras["quantisation"]) == ("UNet", "Flux1", "svdquant")
    assert found.confidence < CLAIM


def test_the_vae_of_ltx2_is_not_claimed_as_the_first_one_s() -> None:
    shapes = {"decoder.conv_in.conv.weight": [1024, 128, 3, 3, 3], "encoder.conv_in.conv.weight": [128, 48, 3, 3, 3]}
    found = identify({key: ("BF16", shape) for key, shape in shapes.items()})
    assert (found.kind, found.confidence < CLAIM) == ("VAE", True)


@pytest.mark.parametrize("algorithm", ["oft_blocks", "oft_diag"])
def test_a_rotation_is_no_matrix(algorithm: str) -> None:
    """BOFT's [rounds, blocks, size, size] has four sides, which is no convolution."""
    name = f"lycoris_input_blocks_1_1_proj_in.{algorithm}"
    assert identify({name: ("F16", [3, 40, 8, 8])}).ecosystem is None
    assert identify({name: ("F16", [4, 6144, 6144])}).ecosystem is None
