"""From witnesses to one verdict: pure, so that every case is a test without a file.

The layout says which ecosystems are possible. Weaker witnesses choose among those, and what they say beyond is a
conflict. Only a person's correction and a service that knows the file's verified hash stand above the layout.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .data import load
from .layout import Layout
from .rules import Rule, matching
from .witnesses import LAYOUT, MANUAL, NAME, ORDER, SERVICE, Statement, groups, only_base_model

CLAIM = 0.8
"""From this confidence on an answer is a claim to be held to."""
FAMILY_CONFIDENCE = 0.6
APART_CONFIDENCE = 0.5
UNSUPPORTED_CONFIDENCE = 0.5
"""How far a witness other than the layout is believed about a file whose layout says nothing."""
DISPUTED_CONFIDENCE = 0.7
OTHER = "Other"


@dataclass(frozen=True)
class LayoutVerdict:
    """What a layout proves. ``among`` is None where no rule speaks of ecosystems, empty where rules contradict."""

    kind: str | None = None
    among: frozenset[str] | None = None
    likely: str | None = None
    base_model: str | None = None
    confidence: float = 0.95
    architecture: str | None = None
    variant: str | None = None
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """One answer from all witnesses; ``confidence`` is that of ecosystem and base model, 0 where there is none."""

    kind: str | None = None
    ecosystem: str | None = None
    base_model: str | None = None
    confidence: float = 0.0
    evidence: tuple[dict[str, Any], ...] = ()
    conflicts: tuple[dict[str, Any], ...] = ()


def judge_layout(layout: Layout) -> LayoutVerdict:
    """Return what the rules say about a layout."""
    rules = matching(layout)
    deciding = rules if layout.is_adapter else _deciding(rules)
    speaking = [rule for rule in deciding if rule.among]
    among: frozenset[str] | None = None
    for rule in speaking:
        among = rule.among if among is None else among & rule.among
    narrow = sorted(speaking, key=lambda rule: len(rule.among))
    # A rule that leaves a wider choice than the result did not decide it: its caution and its guess do not count.
    final = [rule for rule in narrow if among and rule.among <= among] or narrow
    return LayoutVerdict(
        kind=_kind(layout, rules),
        among=among,
        likely=next((rule.likely for rule in narrow if rule.likely and among and rule.likely in among), None),
        base_model=next((rule.base_model for rule in narrow if rule.base_model), None),
        confidence=max((rule.confidence for rule in final), default=0.95),
        architecture=next((rule.architecture for rule in [*narrow, *deciding, *rules] if rule.architecture), None),
        variant=next((rule.variant for rule in rules if rule.variant), None),
        statements=tuple(Statement(LAYOUT, rule.why, rule.among, rule.confidence) for rule in deciding),
    )


def _deciding(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that may speak of the ecosystem: a whole checkpoint's are those of its denoising part."""
    backbone = [rule for rule in rules if rule.part in {"backbone", None} and rule.among]
    return backbone or list(rules)


def _kind(layout: Layout, rules: Sequence[Rule]) -> str | None:
    backbone = any(rule.part == "backbone" and rule.kind is None for rule in rules)
    for rule in rules:
        if rule.kind and not (rule.part in {"vae", "te"} and backbone):
            return rule.kind
    if layout.is_adapter:
        return _adapter_kind(layout.algorithms)
    if not backbone:
        return _language_model_kind(layout.header.metadata)
    others = any(layout.parts.get(part) for part in ("vae", "te"))
    return "Checkpoint" if others else "UNet"


def _adapter_kind(algorithms: dict[str, int]) -> str:
    """Return Civitai's word: DoRA where a magnitude is stored, LoCon for LyCORIS' other algorithms, else LORA."""
    if "dora" in algorithms and "lora" in algorithms:
        return "DoRA"
    return "LORA" if "lora" in algorithms else "LoCon"


def _language_model_kind(metadata: Mapping[str, Any]) -> str | None:
    """Return the kind of a GGUF file that brings a tokenizer: T5 encodes prompts, anything else was made to chat."""
    if "tokenizer.ggml.model" not in metadata:
        return None
    return "TextEncoder" if str(metadata.get("general.architecture")).startswith("t5") else OTHER


def judge(layout: LayoutVerdict, statements: Iterable[Statement]) -> Verdict:
    """Return the verdict from the layout and what all other witnesses say.

    Witnesses may come in any order; of several statements of one witness, the first goes first.
    """
    case = _Case(layout)
    for statement in sorted(statements, key=lambda s: ORDER.index(s.witness)):
        if statement.witness in {MANUAL, SERVICE}:
            case.over.append(statement)
        elif statement.witness == NAME:
            case.hints.append(statement)
        else:
            case.below.append(statement)
    return case.verdict()


@dataclass
class _Case:
    layout: LayoutVerdict
    over: list[Statement] = field(default_factory=list)
    below: list[Statement] = field(default_factory=list)
    hints: list[Statement] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)

    def verdict(self) -> Verdict:
        ecosystem, base_model, confidence = self._by_layout()
        if self.layout.among is not None and not self.layout.among:
            self._conflict("layout", "the file holds modules of models that exclude each other")
        else:
            ecosystem, base_model, confidence = self._below(ecosystem, base_model, confidence)
        for hint in self.hints:
            if hint.among and self.layout.among is not None and not hint.among & self.layout.among:
                self._conflict(hint.witness, hint.says + "; the layout excludes it")
        kind = self.layout.kind
        for statement in reversed(self.over):
            kind = statement.kind or kind
            if statement.among:
                ecosystem, base_model, confidence = self._overrule(statement, ecosystem)
        if ecosystem is None or ecosystem == OTHER:
            ecosystem, base_model, confidence = None, None, 0.0
        elif base_model is None:
            base_model = only_base_model(ecosystem)
        evidence = [s.as_evidence() for s in [*self.over, *self.layout.statements, *self.below, *self.hints]]
        return Verdict(kind, ecosystem, base_model, round(confidence, 2), tuple(evidence), tuple(self.conflicts))

    def _by_layout(self) -> tuple[str | None, str | None, float]:
        among = self.layout.among
        if not among:
            return None, None, 0.0
        ecosystem, confidence = choose(among, self.layout.likely)
        if len(among) == 1:
            confidence = self.layout.confidence
        return ecosystem, self.layout.base_model, min(confidence, self.layout.confidence)

    def _below(
        self, ecosystem: str | None, base_model: str | None, confidence: float
    ) -> tuple[str | None, str | None, float]:
        """Let weaker witnesses choose among what is still possible, each narrowing what the stronger ones left."""
        possible = self.layout.among
        chosen = False
        for statement in self.below:
            if not statement.among or statement.confidence <= 0:
                continue
            remaining = statement.among if possible is None else possible & statement.among
            if not remaining:
                by = "the layout" if not chosen else "a stronger witness"
                self._conflict(statement.witness, f"{statement.says}, which {by} excludes")
                continue
            if statement.confidence < APART_CONFIDENCE:
                continue
            unsupported = self.layout.among is None
            possible, chosen = remaining, True
            named, sureness = choose(remaining, statement.likely)
            if len(remaining) == 1:
                sureness = statement.confidence
            if unsupported:
                sureness = min(sureness, UNSUPPORTED_CONFIDENCE)
            if named == ecosystem:
                confidence = max(confidence, sureness)
            elif named is not None and (ecosystem not in remaining or statement.likely):
                ecosystem, confidence, base_model = named, sureness, None
            if statement.base_model and named == ecosystem:
                base_model = base_model or statement.base_model
        return ecosystem, base_model, confidence

    def _overrule(self, statement: Statement, before: str | None) -> tuple[str | None, str | None, float]:
        """Take what stands above the layout, and say so where the layout excludes it."""
        (ecosystem, _) = choose(statement.among, statement.likely)
        among = self.layout.among
        confidence = statement.confidence
        if among is not None and ecosystem not in among:
            shown = before or " and ".join(sorted(among)) or "nothing that exists"
            self._conflict(statement.witness, f"{statement.says}, but the layout says {shown}")
            if statement.witness == SERVICE:
                confidence = min(confidence, DISPUTED_CONFIDENCE)
        return ecosystem, statement.base_model, confidence

    def _conflict(self, witness: str, says: str) -> None:
        self.conflicts.append({"witness": witness, "says": says})


def choose(among: frozenset[str], likely: str | None) -> tuple[str | None, float]:
    """Return the ecosystem to show for a set of possible ones, and how far to believe it.

    One is itself. Several of one family are its root, or the one that a rule calls likely. Several of different
    families are the likely one if a rule names one, else nothing.
    """
    if len(among) == 1:
        return next(iter(among)), 1.0
    family = _family(among)
    if likely in among:
        return likely, FAMILY_CONFIDENCE if family else APART_CONFIDENCE
    return (family, FAMILY_CONFIDENCE) if family else (None, 0.0)


def _family(among: frozenset[str]) -> str | None:
    return next((root for root, members in _families() if root in among and among <= members), None)


@lru_cache(maxsize=1)
def _families() -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((row["root"], groups(row["members"])) for row in load("families")["families"])
