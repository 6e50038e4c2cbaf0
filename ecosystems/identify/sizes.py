"""How large a module is, put together from the tensors that a file has for it.

A linear layer's weight is [out, in]. LoRA: down [rank, in], up [out, rank]. LoHa: w1_a [out, rank], w1_b [rank, in].
LoKr: the Kronecker product of w1 and w2, each whole or a product of _a and _b. GLoRA: b1 [out, rank], b2 [rank, in].
OFT: rotations of blocks of outputs, [blocks, size, size]; BOFT has several rounds of them. Packed weights: bitsandbytes
[out * in / 2, 1] bytes, NVFP4 [out, in / 2] bytes beside ``weight_scale``, Nunchaku's ``qweight`` [out, in / 2]; those
of eight bits (I8, quanto's ``_data``) keep the weight's shape.
Source of the forms: LyCORIS lycoris/modules, kohya-ss sd-scripts networks, PEFT.
"""

import math
import re
from typing import NamedTuple

from .header import Header


class Dimensions(NamedTuple):
    """A module's size: what it takes in and gives out, and the adapter's rank where it is one. None: not known."""

    inner: int | None
    outer: int | None
    rank: int | None = None


_PAIRS = (
    (".lora_down.weight", ".lora_up.weight"),
    (".lora_A.weight", ".lora_B.weight"),
    (".lora_A.default.weight", ".lora_B.default.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    (".lora_A", ".lora_B"),
    ("_lora.down.weight", "_lora.up.weight"),
    ("_lora1.down.weight", "_lora1.up.weight"),  # XLabs: processor.qkv_lora1.down
    ("_lora2.down.weight", "_lora2.up.weight"),
    (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    (".down.0.weight", ".up.0.weight"),  # LLLite
    (".down", ".up"),  # Stability's Control-LoRA
)
_ROTATION = re.compile(r"\.(?:oft_blocks|oft_diag)$")
_OTHER_FORM = re.compile(r"\.(?:oft_R(?:\.default)?(?:\.weight)?|boft_R|boft_s|rescale)$")
_PACKED = frozenset({"U8", "I32"})
_BESIDE = re.compile(
    r"\.(?:absmax|quant_map|nested_\w+|bitsandbytes__\w+|comfy_quant|SCB|weight_format|weight_scale\w*|scale_weight"
    r"|(?:scale_input|input_scale|output_scale)|wscales|wtscale|wcscales|wzeros|smooth\w*|_scale|_shift|lora_(?:down|up))$"
)
"""What packings keep beside a weight: it has sides of its own, which are not the module's."""
_SMALLEST_LAYER = 256
_ENDING = re.compile(
    r"\.(?:lora_(?:down|up|mid|A|B)(?:\.default)?(?:\.weight|\.bias)?|lora\.(?:down|up|mid)\.weight|alpha"
    r"|lora_linear_layer\.(?:down|up)\.weight|qweight|weight\._data|hada_[wt]\d(?:_[ab])?|lokr_[wt]\d(?:_[ab])?|[ab][12]\.weight|on_input"
    r"|diff|diff_b|dora_scale|(?:down|up|mid)\.0\.weight|down|up)$|_lora\d*\.(?:down|up)\.weight$|\.(?:weight|bias)$"
)


def dimensions(header: Header, name: str) -> Dimensions:
    """Return the size of the module that the tensor ``name`` belongs to; what is not known of it is None."""
    base = _ENDING.sub("", name)
    if base + ".weight" == name and ".oft_R" not in name:  # most modules of a whole model
        return _plain(header, name)
    if _ROTATION.search(name):
        return _rotated(header, name)
    if _OTHER_FORM.search(name) or _BESIDE.search(name):
        return Dimensions(None, None)
    pair = _low_rank(header, base)
    if pair is not None:
        return pair
    kronecker = [_factor(header, f"{base}.lokr_w{number}") for number in "12"]
    if kronecker[0] and kronecker[1]:
        (out1, in1, rank1), (out2, in2, rank2) = kronecker[0], kronecker[1]
        if in1 == out2 and min(out1, in2) >= _SMALLEST_LAYER:
            return Dimensions(in2, out1, in1)  # a plain product under LoKr's names, as some trainers write it
        return Dimensions(in1 * in2, out1 * out2, rank2 or rank1)
    for whole in (".diff", ".weight", ".qweight", ".weight._data", ""):
        size = _plain(header, base + whole)
        if size.outer is not None:
            return size
    return Dimensions(None, None)


def _plain(header: Header, name: str) -> Dimensions:
    shape = header.shape(name)
    if not shape:
        return Dimensions(None, None)
    if header.dtype(name) in _PACKED or name.endswith(".qweight"):
        return _unpacked(header, name, shape)
    return Dimensions(shape[1] if len(shape) > 1 else None, shape[0])


def _rotated(header: Header, name: str) -> Dimensions:
    shape = header.shape(name)
    if not shape or len(shape) < 3:
        return Dimensions(None, None)
    return Dimensions(None, shape[-3] * shape[-1])


def _unpacked(header: Header, name: str, shape: tuple[int, ...]) -> Dimensions:
    """Return the size of a packed weight as far as its form, or else its bias, gives it away."""
    module = name.removesuffix(".qweight").removesuffix(".weight")
    two_in_a_byte = module + ".weight_scale" in header.tensors or header.dtype(name) == "I8"
    if len(shape) == 2 and two_in_a_byte:
        return Dimensions(2 * shape[1], shape[0])
    bias = header.shape(module + ".bias")
    if not bias or not bias[0]:
        return Dimensions(None, None)
    packed = any(f"{name}.quant_state.bitsandbytes__{form}" in header.tensors for form in ("nf4", "fp4"))
    values = 2 * math.prod(shape)
    return Dimensions(values // bias[0] if packed and values % bias[0] == 0 else None, bias[0])


def _low_rank(header: Header, base: str) -> Dimensions | None:
    """Return the size of a LoRA's, LoHa's or GLoRA's module, or None where it is none of them."""
    for down, up in _PAIRS:
        if base + down in header.tensors:
            return _product(header.shape(base + up), header.shape(base + down))
    if base + ".hada_w1_a" in header.tensors:
        left, right = header.shape(base + ".hada_w1_a"), header.shape(base + ".hada_w1_b")
        tucker = base + ".hada_t1" in header.tensors  # then [rank, out], for a core of [rank, rank, …]
        return _product((left[1], left[0]) if left and tucker and len(left) > 1 else left, right)
    if base + ".b2.weight" in header.tensors:
        return _product(header.shape(base + ".b1.weight"), header.shape(base + ".b2.weight"))
    return None


def _product(left: tuple[int, ...] | None, right: tuple[int, ...] | None) -> Dimensions:
    """Return the size of [out, rank] times [rank, in]."""
    if right is None or len(right) < 2:
        return Dimensions(None, left[0] if left else None)
    return Dimensions(right[1], left[0] if left else None, right[0])


def _factor(header: Header, base: str) -> tuple[int, int, int | None] | None:
    whole = header.shape(base)
    if whole and len(whole) > 1:
        return whole[0], whole[1], None
    left, right = header.shape(base + "_a"), header.shape(base + "_b")
    if left and right and len(left) > 1 and len(right) > 1:
        return left[0], right[1], right[0]
    return None
