"""Layouts made from a model's layers: adapters in every trainer's names, and packed weights."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from quartermaster.bench.layouts import Tensors
from quartermaster.ecosystems.identify import Header, Identification, identify_header

Naming = Callable[[str, int, int, list[int]], Tensors]
"""Takes a module's dotted name, its outputs, inputs and kernel; returns the tensors of an adapter for it."""


def identify(tensors: Tensors, metadata: dict[str, Any] | None = None) -> Identification:
    entries = {name: {"dtype": dtype, "shape": list(shape)} for name, (dtype, shape) in tensors.items()}
    return identify_header(Header("safetensors", entries, metadata or {}))


def kohya(module: str, outer: int, inner: int, kernel: list[int], rank: int = 16) -> Tensors:
    base = "lora_unet_" + module.replace(".", "_")
    return {
        base + ".alpha": ("F16", []),
        base + ".lora_down.weight": ("F16", [rank, inner, *kernel]),
        base + ".lora_up.weight": ("F16", [outer, rank, *[1 for _ in kernel]]),
    }


def onetrainer(module: str, outer: int, inner: int, kernel: list[int]) -> Tensors:
    tensors = kohya(module, outer, inner, kernel, rank=4)
    return {key.replace("lora_unet_", "lora_transformer_"): value for key, value in tensors.items()}


def peft(prefix: str, infix: str = "") -> Naming:
    def name(module: str, outer: int, inner: int, kernel: list[int]) -> Tensors:
        return {
            f"{prefix}{module}.lora_A{infix}.weight": ("BF16", [8, inner, *kernel]),
            f"{prefix}{module}.lora_B{infix}.weight": ("BF16", [outer, 8, *[1 for _ in kernel]]),
        }

    return name


def old_diffusers(module: str, outer: int, inner: int, kernel: list[int]) -> Tensors:
    return {
        f"unet.{module}.lora.down.weight": ("F32", [4, inner, *kernel]),
        f"unet.{module}.lora.up.weight": ("F32", [outer, 4, *[1 for _ in kernel]]),
    }


def dora(module: str, outer: int, inner: int, kernel: list[int]) -> Tensors:
    return {
        **kohya(module, outer, inner, kernel),
        f"lora_unet_{module.replace('.', '_')}.dora_scale": ("F16", [outer, 1]),
    }


def loha(module: str, outer: int, inner: int, kernel: list[int]) -> Tensors:
    if kernel:
        return {}
    base = "lycoris_" + module.replace(".", "_")
    halves = {f"{base}.hada_w{n}_a": ("F16", [outer, 6]) for n in "12"}
    return {**halves, **{f"{base}.hada_w{n}_b": ("F16", [6, inner]) for n in "12"}, base + ".alpha": ("F16", [])}


def lokr(module: str, outer: int, inner: int, kernel: list[int]) -> Tensors:
    if kernel:
        return {}
    factor = 8 if outer % 8 == 0 and inner % 8 == 0 else 1
    base = "lora_unet_" + module.replace(".", "_")
    return {
        base + ".lokr_w1": ("F16", [factor, factor]),
        base + ".lokr_w2_a": ("F16", [outer // factor, 10]),
        base + ".lokr_w2_b": ("F16", [10, inner // factor]),
    }


def full_difference(module: str, outer: int, inner: int, kernel: list[int]) -> Tensors:
    return {f"diffusion_model.{module}.diff": ("BF16", [outer, inner, *kernel])}


NAMINGS: dict[str, Naming] = {
    "kohya": kohya,
    "onetrainer": onetrainer,
    "peft-transformer": peft("transformer."),
    "ai-toolkit": peft("diffusion_model."),
    "comfyui": peft("model.diffusion_model."),
    "bare": peft(""),
    "peft-saved": peft("base_model.model.", ".default"),
    "simpletuner-unet": peft("unet."),
    "old-diffusers": old_diffusers,
    "dora": dora,
    "loha": loha,
    "lokr": lokr,
    "full": full_difference,
}


def adapter_of(tensors: Tensors, naming: Naming, part: str) -> Tensors:
    """Return an adapter over the linear and convolutional layers whose names hold a pattern."""
    made: Tensors = {}
    for name, (dtype, shape) in tensors.items():
        module = name.removesuffix(".weight")
        if module == name or len(shape) not in {2, 4} or "norm" in module.rpartition(".")[2] or dtype == "U8":
            continue
        if re.search(part, module):
            made.update(naming(module, shape[0], shape[1], list(shape[2:])))
    return made


def scaled_fp8(tensors: Tensors) -> Iterator[tuple[str, tuple[str, list[int]]]]:
    for name, (dtype, shape) in tensors.items():
        if name.endswith(".weight") and len(shape) == 2:
            yield name, ("F8_E4M3", shape)
            yield name.removesuffix("weight") + "scale_weight", ("F32", [])
        else:
            yield name, (dtype, shape)


def nf4(tensors: Tensors) -> Iterator[tuple[str, tuple[str, list[int]]]]:
    for name, (dtype, shape) in tensors.items():
        if name.endswith(".weight") and len(shape) == 2:
            yield name, ("U8", [shape[0] * shape[1] // 2, 1])
            yield name + ".absmax", ("F32", [shape[0] * shape[1] // 64])
            yield name + ".quant_map", ("F32", [16])
            yield name + ".quant_state.bitsandbytes__nf4", ("U8", [80])
        else:
            yield name, (dtype, shape)


def nvfp4(tensors: Tensors) -> Iterator[tuple[str, tuple[str, list[int]]]]:
    for name, (dtype, shape) in tensors.items():
        if name.endswith(".weight") and len(shape) == 2 and shape[1] % 16 == 0:
            yield name, ("U8", [shape[0], shape[1] // 2])
            yield name + "_scale", ("F8_E4M3", [shape[0], shape[1] // 16])
            yield name + "_scale_2", ("F32", [])
        else:
            yield name, (dtype, shape)


def int8(tensors: Tensors) -> Iterator[tuple[str, tuple[str, list[int]]]]:
    for name, (dtype, shape) in tensors.items():
        if name.endswith(".weight") and len(shape) == 2:
            yield name, ("I8", shape)
            yield name.removesuffix("weight") + "SCB", ("F32", [shape[0]])
        else:
            yield name, (dtype, shape)


def quanto(tensors: Tensors) -> Iterator[tuple[str, tuple[str, list[int]]]]:
    for name, (dtype, shape) in tensors.items():
        if name.endswith(".weight") and len(shape) == 2:
            yield name + "._data", ("I8", shape)
            yield name + "._scale", ("BF16", [shape[0], 1])
        else:
            yield name, (dtype, shape)
