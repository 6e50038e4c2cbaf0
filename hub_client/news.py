"""What a hub knows of models that an agent may not know: corrections, registrations, answers of a metadata service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import Fields, hex_digits

SHA256_DIGITS = 64
_NAMES = ("type", "ecosystem", "base_model", "by", "at")


@dataclass(frozen=True, slots=True)
class ModelNews:
    """What is said of one model; each part has ``type``, ``ecosystem``, ``base_model``, ``at``, ``by`` (text or None).

    ``civitai`` has ``trigger_words`` as well, a list of text or None. A part is None where nobody says it.
    """

    sha256: str
    override: Mapping[str, Any] | None = None
    registered: Mapping[str, Any] | None = None
    civitai: Mapping[str, Any] | None = None

    @classmethod
    def from_wire(cls, wire: object, where: str = "") -> "ModelNews":
        """Read one model's news; raises MalformedMessageError where a key is missing or wrong."""
        fields = Fields(wire, where)
        sha256 = hex_digits(fields.need("sha256", str), SHA256_DIGITS, fields.path("sha256"))
        return cls(sha256, **{name: _part(fields, name) for name in ("override", "registered", "civitai")})

    def kept(self) -> dict[str, Any]:
        """Return it in the form that ``from_wire`` reads."""
        return {
            "sha256": self.sha256,
            "override": self.override,
            "registered": self.registered,
            "civitai": self.civitai,
        }


def _part(fields: Fields, name: str) -> dict[str, Any] | None:
    wire = fields.may(name, dict)
    if wire is None:
        return None
    part = Fields(wire, fields.path(name))
    said: dict[str, Any] = {key: part.may(key, str) for key in _NAMES}
    if name == "civitai":
        said["trigger_words"] = list(part.items("trigger_words", str)) or None
    return said


@dataclass(frozen=True, slots=True)
class NewsAnswer:
    """An answer of ``POST /api/v1/models/news``: ``news`` is the number to ask from next, ``more`` whether at once."""

    news: int
    more: bool
    models: tuple[ModelNews, ...]

    @classmethod
    def from_wire(cls, wire: object) -> "NewsAnswer":
        """Read an answer; raises MalformedMessageError where it is none."""
        fields = Fields(wire)
        listed = fields.items("models", dict)
        models = tuple(ModelNews.from_wire(item, f"models[{index}]") for index, item in enumerate(listed))
        return cls(fields.need("news", int), fields.may("more", bool) or False, models)
