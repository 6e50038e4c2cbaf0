"""A catalogue: look-ups, and the verdicts over them. Pure; loading is in ``load``."""

from functools import lru_cache

from . import records as r
from .errors import QuestionError
from .facts import Facts
from .lookups import Lookups
from .model_types import canonical_type
from .verdict import Verdict, judge

MAX_VERDICTS = 1 << 16
"""Verdicts that a catalogue remembers, the last used first (about 60 MB); a remembered one costs a dict look-up."""


class Catalogue(Lookups):
    """The rules and facts of one catalogue.

    Args:
        facts: as read from files; checked here.

    Raises:
        CatalogueError: the facts have errors (warnings are in ``warnings``).
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts)
        self.verdict = lru_cache(maxsize=MAX_VERDICTS)(self._judge)

    def _judge(
        self, checkpoint: str, addon: str, model_type: str, support: str = "generation", runtime: str | None = None
    ) -> Verdict:
        """Say whether an add-on works with a checkpoint; callers ask ``verdict``, which remembers the answers.

        Args:
            checkpoint: base model or ecosystem of the checkpoint, any name of it.
            addon: base model or ecosystem of the add-on file, any name of it.
            model_type: the add-on's type, such as ``LORA``.
            support: ``generation``, ``training`` or ``auction``.
            runtime: ask what this program can load (``forge``) rather than what the web service offers.

        Raises:
            QuestionError: the type, the support type or their combination with a runtime does not exist.
        """
        if support not in r.SUPPORT_TYPES:
            raise QuestionError("support", f"support is one of {', '.join(r.SUPPORT_TYPES)}, not {support!r}")
        if canonical_type(model_type) is None:
            raise QuestionError("type", f"{model_type!r} is not a model type")
        if runtime is not None and support != "generation":
            raise QuestionError("runtime", f"a runtime is asked about generation, not about {support}")
        return judge(self, checkpoint, addon, model_type, support, runtime)
