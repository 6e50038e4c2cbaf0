"""The catalogue of base models that a hub serves: the shipped one, or a newer one in its data folder."""

import json
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..ecosystems import answers
from ..ecosystems.catalogue import Catalogue
from ..ecosystems.errors import QuestionError
from ..ecosystems.load import load_default
from ..ecosystems.store import CatalogueStore
from .errors import FieldError


class Catalogues:
    """What a hub knows about base models; read at the first question, then kept.

    Args:
        data_dir: the hub's data folder; a ``catalogue.json`` there is served where it is newer than the shipped one.
    """

    def __init__(self, data_dir: Path) -> None:
        self._store = CatalogueStore(data_dir)

    @cached_property
    def current(self) -> Catalogue:
        """The catalogue that is served."""
        return self._store.best(load_default())

    def named(self, name: str) -> tuple[str, str | None]:
        """Return the ecosystem that a name stands for, and the base model where it stands for one.

        Raises:
            FieldError: the catalogue has no such name; the message has those that look like it.
        """
        subject = self.current.find(name)
        if subject is None:
            alike = self.current.similar(name)
            advice = f"; did you mean {', '.join(alike)}?" if alike else ""
            raise FieldError("base_model", f"{name[:80]!r} is no base model or ecosystem that this hub knows{advice}")
        return subject.ecosystem.name, subject.base_model.name if subject.base_model else None

    @property
    def described(self) -> tuple[str, bytes]:
        """The digest of the catalogue, and the body of ``GET /api/v1/ecosystems``: half a megabyte, made once."""
        return _described(self.current)

    def compatibility(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Say whether an add-on works with a checkpoint, with the steps; see ``answers.compatibility_answer``.

        Raises:
            FieldError: a part of the question is missing or has no meaning.
        """
        try:
            return answers.compatibility_answer(self.current, body)
        except QuestionError as error:
            raise FieldError(error.field, str(error), missing=error.missing) from error


@lru_cache(maxsize=2)  # the shipped one's is the same for every hub of a process
def _described(catalogue: Catalogue) -> tuple[str, bytes]:
    answer = answers.catalogue_answer(catalogue)
    return answer["digest"], json.dumps(answer, ensure_ascii=True, separators=(",", ":")).encode("ascii")
