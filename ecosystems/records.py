"""The records a catalogue is made of.

The first seven are the record types of the document "Generation Support Schema Redesign" (``docs/catalogue.md``), with
names in place of its numbers: those were renumbered by hand twice. The others are what DESIGN adds to it. Every record
knows its ``origin`` (file and place) for messages, and names the ``source`` of its facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

SUPPORT_TYPES = ("generation", "training", "auction")
MEDIA_TYPES = ("image", "video", "audio", "unknown")
FULL, PARTIAL, NONE, UNKNOWN = "Full", "Partial", "None", "Unknown"
GRADES = (FULL, PARTIAL, NONE, UNKNOWN)

INFERRED = "inferred"
"""Members of the family are Partial to each other: the document's rule."""
EXPLICIT = "explicit"
"""Only stated rules relate the members of the family: they differ in shape."""
SERVICE_EXPLICIT = "service-explicit"
"""Only stated rules count in a web service; a runtime loads by shape, which the members share."""
RELATIONS = (INFERRED, EXPLICIT, SERVICE_EXPLICIT)

WEIGHTS = ("open", "open-gated", "open-file-type", "mixed", "api-only", "bucket", "unknown")
"""Whether a person can have a base model as a file; ``bucket`` is no model but a name for unclassified files."""


@dataclass(frozen=True)
class Origin:
    """Where a record was read."""

    file: str = ""
    record: str = ""


@dataclass(frozen=True)
class Target:
    """What a record is about: one ecosystem, one group or one base model; nothing of these means everything."""

    level: str = ""
    """``ecosystem``, ``group``, ``baseModel`` or empty."""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.level}: {self.name}" if self.level else "everything"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every record has."""

    source: str
    """A key of the catalogue's sources, or an https address."""
    origin: Origin = field(default=Origin(), compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Alias:
    """Another name of the same thing, as a tool or a site writes it."""

    name: str
    source: str


@dataclass(frozen=True, kw_only=True)
class EcosystemRecord(Record):
    """A family tree's node. Children inherit support and settings."""

    name: str
    parent: str | None = None
    title: str | None = None
    relations: str = INFERRED
    """How this ecosystem and its descendants relate to each other, one of ``RELATIONS``."""
    reason: str | None = None
    """Why the relations are not inferred."""
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EcosystemSupport(Record):
    """What an ecosystem supports for generation, training or auction."""

    ecosystem: str
    support_type: str
    model_types: tuple[str, ...]
    enabled: bool


@dataclass(frozen=True, kw_only=True)
class EcosystemSettings(Record):
    """Default resources and parameters; widths and heights in pixels, versions as Civitai's model-version ids."""

    ecosystem: str
    defaults: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CrossEcosystemRule(Record):
    """Add-ons of the source ecosystem work in part with checkpoints of the target ecosystem."""

    source_ecosystem: str
    target_ecosystem: str
    support_type: str
    model_types: tuple[str, ...] | None = None
    """None: all types that the target supports."""
    support: str = PARTIAL
    runtimes: tuple[str, ...] | None = None
    """The runtimes where it holds (a web service always); None: everywhere."""
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class SupportOverride(Record):
    """Switches support off, or grants it, for the model types it names (all where it names none)."""

    target: Target
    support_type: str
    enabled: bool
    model_types: tuple[str, ...] | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class BaseModelGroupRecord(Record):
    """Base models that count as one; its ecosystem is theirs."""

    name: str
    ecosystem: str
    family: str | None = None


@dataclass(frozen=True, kw_only=True)
class Weights(Record):
    """Whether there are files that a person can have, and under which licence."""

    weights: str
    license: str | None = None
    confidence: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, kw_only=True)
class BaseModelRecord(Record):
    """A base model, under the name that Civitai gives it."""

    name: str
    group: str
    media: tuple[str, ...]
    hidden: bool = False
    deprecated: bool = False
    can_generate: bool = False
    engine: str | None = None
    aliases: tuple[Alias, ...] = ()
    files: Weights | None = None


@dataclass(frozen=True, kw_only=True)
class PairException(Record):
    """A grade between two things that no rule expresses. The most specific one wins."""

    checkpoint: Target
    addon: Target
    support_type: str
    grade: str
    also: str | None = None
    """A second grade that a legacy configuration listed for the same pair; the verdict is ``grade``."""
    model_types: tuple[str, ...] | None = None
    runtimes: tuple[str, ...] | None = None
    """The runtimes where it holds (a web service always); None: everywhere."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class RuntimeRecord(Record):
    """A program that loads models."""

    name: str
    title: str | None = None
    aliases: tuple[Alias, ...] = ()
    as_of: str
    """The date of what was looked at, as YYYY-MM-DD."""
    model_types: tuple[str, ...]
    """The types of which its rows tell all: what they do not name, it does not load. Of others that is unknown."""
    any_checkpoint: tuple[str, ...] = ()
    """Types whose files it uses with every checkpoint."""


@dataclass(frozen=True, kw_only=True)
class RuntimeSupport(Record):
    """What a runtime loads of an ecosystem, a group or a base model."""

    runtime: str
    target: Target
    model_types: tuple[str, ...]
    confidence: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class InputConstraint(Record):
    """A limit on what a person may enter."""

    target: Target
    key: str
    value: int | float


@dataclass(frozen=True, kw_only=True)
class ConstraintModifier(Record):
    """Another limit where the context matches, such as ``{"tier": ["gold"]}``."""

    target: Target
    key: str
    when: Mapping[str, tuple[str, ...]]
    operation: str
    """``set``, ``add``, ``max`` (at most) or ``min`` (at least)."""
    value: int | float


@dataclass(frozen=True, kw_only=True)
class SourceRecord:
    """Where facts come from."""

    key: str
    title: str
    url: str
    commit: str | None = None
    path: str | None = None
    date: str | None = None
    license: str | None = None
    origin: Origin = field(default=Origin(), compare=False, repr=False)
