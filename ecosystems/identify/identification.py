"""What is this file? One answer from its header, its surroundings and what others say of it."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import Any

from .data import load, rules_version
from .errors import HeaderError, UnknownFormatError
from .files import ModelFile
from .header import Header
from .layout import Layout
from .metadata import claims, clean, described, name_hint
from .sidecars import Sidecar, sidecar_claim, sidecar_facts
from .verdict import LayoutVerdict, Verdict, judge, judge_layout
from .witnesses import HINT_CONFIDENCE, MANUAL, NAME, SERVICE, Statement, base_model_named, ecosystem_named

MANUAL_CONFIDENCE = 1.0
SERVICE_CONFIDENCE = 0.98
_SAMPLED_MODULES = 4
_SAMPLED_TENSORS = 64


@dataclass(frozen=True)
class Identification:
    """The answer about one file. What is not identified is None.

    ``confidence`` (0 to 1) is that of ``ecosystem`` and ``base_model``; 0.8 and more is a claim. ``extras`` holds what
    was found on the way: title, trigger words, rank, resolution, tags, dtype, quantisation, v-prediction and such.
    ``error`` says why nothing, or not all, could be read. ``rules_version`` names the rules it was made with.
    """

    kind: str | None = None
    ecosystem: str | None = None
    base_model: str | None = None
    confidence: float = 0.0
    evidence: tuple[dict[str, Any], ...] = ()
    conflicts: tuple[dict[str, Any], ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    rules_version: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the answer as one flat JSON object; keys of ``extras`` follow the fixed ones."""
        fixed: dict[str, Any] = {
            "kind": self.kind,
            "ecosystem": self.ecosystem,
            "base_model": self.base_model,
            "confidence": self.confidence,
            "evidence": list(self.evidence),
            "conflicts": list(self.conflicts),
        }
        return {**fixed, **self.extras, **({"error": self.error} if self.error else {})}


def identify_file(
    path: str | os.PathLike[str],
    *,
    folder_kind: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    service: Mapping[str, Any] | None = None,
    sidecars: Sequence[Sidecar] = (),
) -> Identification:
    """Say what a file is. Never raises for what a file holds: ``error`` says what could not be read.

    Args:
        path: the file. A symlink is followed; anything but a regular file is not opened.
        folder_kind: the model type that the file's folder is for, where the caller knows it.
        overrides: a person's correction: ``kind``, ``ecosystem``, ``base_model``.
        service: a metadata service's answer for the file's verified hash, with the same keys.
        sidecars: as ``read_sidecars`` returns them.
    """
    around = _Surroundings(os.fspath(path), folder_kind, overrides, service, sidecars)
    try:
        with ModelFile(path) as file:
            try:
                return _from_header(file.header(), around)
            except UnknownFormatError:
                if not file.is_pickle():
                    raise
                return _from_pickle(file.size_bytes, around)
    except HeaderError as error:
        return _without_layout(around, problems=[str(error)])


def identify_header(
    header: Header,
    path: str = "",
    *,
    folder_kind: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    service: Mapping[str, Any] | None = None,
    sidecars: Sequence[Sidecar] = (),
) -> Identification:
    """Say what a file is whose header was read already; arguments as ``identify_file``."""
    around = _Surroundings(path, folder_kind, overrides, service, sidecars)
    try:
        return _from_header(header, around)
    except HeaderError as error:
        return _without_layout(around, problems=[str(error)])


class _Surroundings:
    """What is known of a file besides its content."""

    def __init__(
        self,
        path: str,
        folder_kind: str | None,
        overrides: Mapping[str, Any] | None,
        service: Mapping[str, Any] | None,
        sidecars: Sequence[Sidecar],
    ) -> None:
        self.path = PurePath(path)
        self.folder_kind = folder_kind
        self.overrides = overrides
        self.service = service
        self.sidecars = sidecars

    def statements(self) -> list[Statement]:
        """Return what these witnesses say."""
        said = [
            _told(MANUAL, self.overrides, "corrected by hand", MANUAL_CONFIDENCE),
            _told(SERVICE, self.service, "the metadata service knows this hash", SERVICE_CONFIDENCE),
            *(sidecar_claim(sidecar.name, sidecar.data) for sidecar in self.sidecars),
            name_hint(self.path.stem, "the file name"),
            name_hint(self.path.parent.name, "the folder"),
        ]
        return [statement for statement in said if statement is not None]

    def kind_of_folder(self) -> str | None:
        """Return the kind that the folder is for: the caller's word, else the nearest usual folder name's."""
        if self.folder_kind:
            return self.folder_kind
        folders: Mapping[str, str] = load("folders")["folders"]
        names = (parent.name.lower() for parent in list(self.path.parents)[:6])
        return next((folders[name] for name in names if name in folders), None)


def _told(witness: str, told: Mapping[str, Any] | None, how: str, confidence: float) -> Statement | None:
    if not told:
        return None
    name = told.get("base_model") or told.get("ecosystem")
    ecosystem = ecosystem_named(told.get("ecosystem")) or ecosystem_named(told.get("base_model"))
    kind = clean(told.get("kind"), 40)
    if ecosystem is None and kind is None:
        return None
    says = f"{how}: {clean(name) or kind}"
    among = frozenset({ecosystem}) if ecosystem else frozenset()
    return Statement(witness, says, among, confidence, ecosystem, base_model_named(told.get("base_model")), kind)


def _from_header(header: Header, around: _Surroundings) -> Identification:
    layout = Layout(header)
    seen = judge_layout(layout)
    said = [*around.statements(), *claims(header.metadata, whole_model=not layout.is_adapter)]
    verdict = judge(seen, said)
    extras = _extras(layout, seen, around)
    return _identification(verdict, extras, header.damage)


def _from_pickle(size_bytes: int, around: _Surroundings) -> Identification:
    """A pickle runs code when it is loaded, so nothing looks inside: its kind is what its folder and size allow."""
    kind = around.kind_of_folder()
    least, most = load("folders")["sizes"].get(kind, (0, -1))
    if not least <= size_bytes <= most:
        kind = None
    says = "a pickle, which is never loaded: " + (
        f"its folder and size are a {kind}'s" if kind else "its kind stays open"
    )
    note = Statement(NAME, says, confidence=HINT_CONFIDENCE if kind else 0.0)
    return _without_layout(around, [note], kind=kind)


def _without_layout(
    around: _Surroundings, notes: Sequence[Statement] = (), *, kind: str | None = None, problems: Sequence[str] = ()
) -> Identification:
    verdict = judge(LayoutVerdict(kind=kind), [*around.statements(), *notes])
    extras: dict[str, Any] = {}
    for sidecar in around.sidecars:
        extras = {**sidecar_facts(sidecar.data), **extras}
    return _identification(verdict, extras, problems)


def _identification(verdict: Verdict, extras: Mapping[str, Any], problems: Sequence[str]) -> Identification:
    damage = tuple({"witness": "file", "says": problem} for problem in problems)
    return Identification(
        kind=verdict.kind,
        ecosystem=verdict.ecosystem,
        base_model=verdict.base_model,
        confidence=verdict.confidence,
        evidence=verdict.evidence,
        conflicts=(*verdict.conflicts, *damage),
        extras=extras,
        error="; ".join(problems) or None,
        rules_version=rules_version(),
    )


def _extras(layout: Layout, seen: LayoutVerdict, around: _Surroundings) -> dict[str, Any]:
    header = layout.header
    extras: dict[str, Any] = described(header.metadata)
    for sidecar in around.sidecars:
        extras = {**extras, **sidecar_facts(sidecar.data)}
    extras["format"] = header.format
    if seen.architecture:
        extras["architecture"] = seen.architecture
    variant = seen.variant or _variant(layout)
    if variant:
        extras["variant"] = variant
    extras["dtype"], quantisation = _dtypes(layout)
    if quantisation:
        extras["quantisation"] = quantisation
    if layout.is_adapter:
        extras["algorithm"] = "+".join(sorted(layout.algorithms))
        extras["rank"] = _rank_of(layout) or extras.get("rank")
    if {"v_pred", "model.v_pred"} & header.tensors.keys():
        extras["v_prediction"] = True
    if {"ztsnr", "model.ztsnr"} & header.tensors.keys():
        extras["zero_terminal_snr"] = True
    return {key: value for key, value in extras.items() if value is not None}


def _variant(layout: Layout) -> str | None:
    """Return what a U-Net's first convolution says: nine inputs for inpainting, eight for editing."""
    if layout.is_adapter:
        return None
    for module in ("input_blocks", "conv_in"):
        name = layout.name_of(module, "backbone")
        shape = layout.header.shape(name) if name else None
        if shape and len(shape) == 4:
            return {9: "inpainting", 8: "edit"}.get(shape[1])
    return None


def _dtypes(layout: Layout) -> tuple[str | None, str | None]:
    """Return the dtype of most weights and, where they are packed or scaled, the packing."""
    header = layout.header
    counts: Counter[str] = Counter()
    for name in islice(layout.examples(), _SAMPLED_TENSORS):
        entry = header.tensors[name]
        if len(entry["shape"]) > 1:
            counts[str(entry.get("dtype"))] += 1
    most = counts.most_common(1)[0][0] if counts else None
    for packing in ("nf4", "fp4", "svdquant", "int8", "quanto", "fp8_scaled"):
        if packing in layout.quantisations:
            return most, packing
    if most == "U8" and "scaled" in layout.quantisations:
        return most, "nvfp4"
    small = next((dtype for dtype in counts if dtype.startswith(("F8", "F4", "I8", "Q", "IQ", "TQ", "MXFP"))), None)
    if header.format == "gguf" and most and most.startswith(("Q", "IQ", "TQ", "MXFP")):
        return most, most
    return most, small.lower() if small and header.format != "gguf" else small


def _rank_of(layout: Layout) -> int | None:
    ranks: Counter[int] = Counter()
    for modules in layout.parts.values():
        for name in list(modules.values())[:_SAMPLED_MODULES]:
            rank = layout.dimensions(name).rank
            if rank:
                ranks[rank] += 1
    return ranks.most_common(1)[0][0] if ranks else None
