"""A small library of real model files, for whoever has none at hand: ``quartermaster up`` without ``--models``.

The files are valid safetensors with the tensors' true names and shapes, only few of them: enough for a header to prove
what it is, too little to draw a picture. Format: https://github.com/huggingface/safetensors#format. Names: the
checkpoints of Stable Diffusion 1.5, kohya's sd-scripts for LoRAs, A1111 for embeddings.
"""

import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path

Shapes = Mapping[str, tuple[int, ...]]

_SD15_CHECKPOINT: Shapes = {
    "model.diffusion_model.time_embed.0.weight": (1280, 320),
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
    "model.diffusion_model.input_blocks.1.1.proj_in.weight": (320, 320, 1, 1),
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    "model.diffusion_model.out.2.weight": (4, 320, 3, 3),
    "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
    "first_stage_model.quant_conv.weight": (8, 8, 1, 1),
    "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": (77, 768),
    "cond_stage_model.transformer.text_model.encoder.layers.0.layer_norm1.weight": (768,),
}
_VAE: Shapes = {
    "encoder.conv_in.weight": (128, 3, 3, 3),
    "encoder.conv_out.weight": (8, 512, 3, 3),
    "decoder.conv_in.weight": (512, 4, 3, 3),
    "decoder.conv_out.weight": (3, 128, 3, 3),
    "quant_conv.weight": (8, 8, 1, 1),
    "post_quant_conv.weight": (4, 4, 1, 1),
}
_SD15_LORA_MODULES = {
    "lora_te_text_model_encoder_layers_0_mlp_fc1": (768, 3072),
    "lora_te_text_model_encoder_layers_0_self_attn_q_proj": (768, 768),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q": (320, 320),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k": (768, 320),
    "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn2_to_v": (768, 1280),
}
_SDXL_LORA_MODULES = {
    "lora_te1_text_model_encoder_layers_0_mlp_fc1": (768, 3072),
    "lora_te2_text_model_encoder_layers_0_mlp_fc1": (1280, 5120),
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k": (2048, 640),
    "lora_unet_input_blocks_7_1_transformer_blocks_0_attn1_to_q": (1280, 1280),
    "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_v": (2048, 1280),
}
_FLUX_LORA_MODULES = {
    "lora_unet_double_blocks_0_img_attn_qkv": (3072, 9216),
    "lora_unet_double_blocks_0_txt_attn_proj": (3072, 3072),
    "lora_unet_single_blocks_0_linear1": (3072, 21504),
}
"""Module -> features that go in and come out."""

_RANK = 4
_INERT_PICKLE = b"\x80\x02}q\x00." + bytes(32 * 1024)
"""An empty dictionary, pickled, and padding: nobody should load it, and whoever does comes to no harm."""


def make_sample_library(directory: str | os.PathLike[str]) -> None:
    """Write the library below a folder, laid out as A1111 does; about 2.5 MB, always the same bytes.

    Files that are there already are left alone, whatever is in them. A file is whole or absent.
    """
    for path, content in sample_files().items():
        target = Path(directory, path)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f"{target.name}.part")
            partial.write_bytes(content)
            partial.replace(target)


def sample_files() -> dict[str, bytes]:
    """Return the library: POSIX-style path below its folder -> content."""
    ink = {"ss_network_module": "networks.lora", "ss_network_dim": "4", "ss_base_model_version": "sd_v1"}
    sdxl = {"ss_network_module": "networks.lora", "ss_network_dim": "4", "ss_base_model_version": "sdxl_base_v1-0"}
    flux = {"ss_network_module": "networks.lora_flux", "ss_network_dim": "4", "ss_base_model_version": "flux1"}
    return {
        "models/Stable-diffusion/sample-sd15.safetensors": _safetensors(_SD15_CHECKPOINT, {"format": "pt"}),
        "models/VAE/sample-vae.safetensors": _safetensors(_VAE, {"format": "pt"}),
        "models/Lora/ink-drawing.safetensors": _lora(_SD15_LORA_MODULES, {**ink, "ss_output_name": "ink-drawing"}),
        "models/Lora/renamed/ink-drawing-v2.safetensors": _lora(
            _SD15_LORA_MODULES, {**ink, "ss_output_name": "ink-drawing-v2", "modelspec.title": "Ink drawing"}
        ),
        "models/Lora/watercolour-xl.safetensors": _lora(_SDXL_LORA_MODULES, {**sdxl, "ss_output_name": "watercolour"}),
        "models/Lora/clay-flux.safetensors": _lora(_FLUX_LORA_MODULES, {**flux, "ss_output_name": "clay"}),
        "embeddings/sample-negative.safetensors": _safetensors({"emb_params": (4, 768)}, {}),
        "embeddings/sample-old.pt": _INERT_PICKLE,
    }


def _lora(modules: Mapping[str, tuple[int, int]], metadata: Mapping[str, str]) -> bytes:
    shapes: dict[str, tuple[int, ...]] = {}
    for module, (features_in, features_out) in modules.items():
        shapes[f"{module}.alpha"] = ()
        shapes[f"{module}.lora_down.weight"] = (_RANK, features_in)
        shapes[f"{module}.lora_up.weight"] = (features_out, _RANK)
    return _safetensors(shapes, metadata)


def _safetensors(shapes: Shapes, metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file of half-precision tensors whose values depend on their names only."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    bodies: list[bytes] = []
    offset = 0
    for name, shape in sorted(shapes.items()):
        body = _values(name, math.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, offset + len(body)]}
        bodies.append(body)
        offset += len(body)
    raw = json.dumps(header, separators=(",", ":")).encode("ascii")
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + b"".join(bodies)


def _values(name: str, count: int) -> bytes:
    """Return ``count`` half-precision numbers between 1/64 and 1/32 in size, of either sign."""
    raw = bytearray(hashlib.shake_128(name.encode()).digest(2 * count))
    # The high byte of an IEEE 754 half: its sign, five bits of exponent (here 9, for 2**-6), two of mantissa.
    raw[1::2] = raw[1::2].translate(bytes(byte & 0x83 | 0x24 for byte in range(256)))
    return bytes(raw)
