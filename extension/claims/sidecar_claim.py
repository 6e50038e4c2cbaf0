"""Which of the hashes in the sidecars of a model is the hash of this very file.

A sidecar may be about a model of several files (full and pruned, safetensors and pickle), about a version that was
there before, or about the neighbour of the same name. So a hash is claimed only where nothing speaks against it:

- The size that the sidecar states, where it states one, is the file's.
- The sidecar is not much older than the file, which would have been replaced since.
- Of several hashes that fit, the file's name decides, and then Civitai's mark for the main file; else none is claimed.
- A sidecar without a size claims nothing where two models share its name; and sidecars that contradict each other claim
  nothing, except that one with the right size goes before one without.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...ecosystems.identify.sidecars import CIVITAI_INFO, LORA_MANAGER, STABILITY_MATRIX, Sidecar
from ..inventory.kinds import MODEL_SUFFIXES
from .claim import Claim, LocalFile, as_sha256

OLDER_NS = 24 * 3600 * 1_000_000_000
"""How much older than its model a sidecar may be: some tools write it before a download that takes hours begins."""

MAX_NAME = 200
MAX_VERSIONS = 200
MAX_FILES = 200


@dataclass(frozen=True)
class _Stated:
    """One hash in a sidecar, with what helps to tell which file it is about."""

    sha256: str
    size_bytes: float | None
    name: object = None
    primary: bool = False
    tensor_sha256: str | None = None
    base_model: object = None

    def fits(self, size_bytes: int) -> bool:
        """Whether the stated size, if any, is the file's, within what rounding takes away.

        Civitai gives KiB as a decimal fraction, exact to the byte; some tools keep two digits of it, or none.
        """
        if self.size_bytes is None:
            return True
        tolerance = 1023 if self.size_bytes % 1024 == 0 else 8
        return abs(self.size_bytes - size_bytes) <= tolerance


def sidecar_claim(file: LocalFile, sidecars: Iterable[Sidecar], names: Collection[str] = ()) -> Claim | None:
    """Return the claim that the sidecars of a file make together, or None.

    Args:
        file: the model file.
        sidecars: what ``read_sidecars`` found beside it.
        names: the names in its folder, to see whether another model has the same name but for the suffix.
    """
    sized: list[Claim] = []
    unsized: list[Claim] = []
    for sidecar in sidecars:
        if file.mtime_ns - sidecar.mtime_ns > OLDER_NS:
            continue
        stated = _choose(list(_stated(sidecar)), file)
        if stated is None:
            continue
        claim = Claim(stated.sha256, sidecar.source, stated.tensor_sha256, _line(stated.base_model))
        if stated.size_bytes is not None:
            sized.append(claim)
        else:
            unsized.append(claim)
    claims = sized or ([] if _has_namesake(file, names) else unsized)
    return claims[0] if len({claim.sha256 for claim in claims}) == 1 else None


def _has_namesake(file: LocalFile, names: Collection[str]) -> bool:
    stem = file.stem
    return any(stem + suffix in names for suffix in MODEL_SUFFIXES if stem + suffix != file.name)


def _choose(stated: list[_Stated], file: LocalFile) -> _Stated | None:
    fitting = [s for s in stated if s.fits(file.size_bytes)]
    sized = [s for s in fitting if s.size_bytes is not None]
    pool = sized or fitting
    narrower = [pool, [s for s in pool if s.name == file.name], [s for s in sized if s.primary]]
    return next((group[0] for group in narrower if len({s.sha256 for s in group}) == 1), None)


def _stated(sidecar: Sidecar) -> Iterator[_Stated]:
    data = sidecar.data
    if sidecar.source == CIVITAI_INFO:
        # Some tools save the whole model: then its versions hold the files.
        versions = data.get("modelVersions")
        for version in [data, *(versions[:MAX_VERSIONS] if isinstance(versions, list) else [])]:
            yield from _civitai_files(_mapping(version))
        return
    if sidecar.source == LORA_MANAGER:
        hashes, size, base_model = data, _number(data.get("size")), data.get("base_model")
    elif sidecar.source == STABILITY_MATRIX:
        hashes, size, base_model = _mapping(data.get("Hashes")), None, data.get("BaseModel")
    else:
        hashes, size, base_model = data, None, data.get("baseModel")
    sha256 = as_sha256(hashes.get("sha256") or hashes.get("SHA256"))
    if sha256:
        yield _Stated(sha256, size, tensor_sha256=as_sha256(hashes.get("AutoV3")), base_model=base_model)


def _civitai_files(version: Mapping[str, Any]) -> Iterator[_Stated]:
    files = version.get("files")
    for entry in files[:MAX_FILES] if isinstance(files, list) else []:
        item = _mapping(entry)
        hashes = _mapping(item.get("hashes"))
        sha256 = as_sha256(hashes.get("SHA256"))
        size_kib = _number(item.get("sizeKB"))
        if sha256:
            yield _Stated(
                sha256=sha256,
                size_bytes=None if size_kib is None else size_kib * 1024,
                name=item.get("name"),
                primary=item.get("primary") is True,
                tensor_sha256=as_sha256(hashes.get("AutoV3")),
                base_model=version.get("baseModel"),
            )


def _line(value: object) -> str | None:
    """Return a name where one is stated, cut to a sane length."""
    return value.strip()[:MAX_NAME] or None if isinstance(value, str) else None


def _number(value: object) -> float | None:
    """Return a size where one is stated: a number above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _mapping(value: object) -> Mapping[str, Any]:
    """Return a value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
