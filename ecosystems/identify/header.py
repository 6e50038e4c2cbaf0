"""What a model file's header says, whatever the format: the names, dtypes and shapes of tensors, and metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DIMENSIONS = 8
MAX_TENSORS = 20_000
"""More than any published model has (LTX-2 has 3,517, a GLoRA of SDXL 5,070)."""


@dataclass(frozen=True)
class Header:
    """One header as read.

    ``tensors`` maps a name to an object with ``dtype`` and ``shape`` (outermost dimension first) exactly as the file
    has them: they are checked where they are looked at, by ``shape``, because checking all of them costs as much as
    parsing. ``damage`` says in words what is wrong with a file whose header could still be read.
    """

    format: str
    tensors: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    damage: tuple[str, ...] = ()

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return a tensor's shape, or None where there is no such tensor or its shape is not one."""
        entry = self.tensors.get(name)
        if not isinstance(entry, dict):
            return None
        shape = entry.get("shape")
        if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
            return None
        for size in shape:
            if type(size) is not int or size < 0:
                return None
        return tuple(shape)

    def dtype(self, name: str) -> str | None:
        """Return a tensor's dtype as the format spells it (``BF16``, ``F8_E4M3``, ``Q4_K``), or None."""
        entry = self.tensors.get(name)
        dtype = entry.get("dtype") if isinstance(entry, dict) else None
        return dtype if isinstance(dtype, str) else None
