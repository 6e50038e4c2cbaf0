"""What the page's form handed over for the queue, by a word that the page made up, until it is sent or forgotten.

The form comes through gradio, whose thread is not the one that answers our routes; so who asks first waits here.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .form import Draft
from .question import RouteError

MOST_KEPT = 16
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Kept:
    """A draft with what is known of the models that it names, as the hub is told it."""

    draft: Draft
    models: Sequence[Mapping[str, Any]]


class Drafts:
    """The last few forms and drafts of all pages that are open."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._values: OrderedDict[str, tuple[str, Sequence[Any]]] = OrderedDict()
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def hand_over(self, mode: str, values: Sequence[Any]) -> None:
        """Take the values of a form; the first is the word that the page made up."""
        if not values or not isinstance(values[0], str) or not values[0].startswith("qm-"):
            return
        with self._changed:
            _put(self._values, values[0], (mode, values))
            self._changed.notify_all()

    def taken(self, word: str) -> tuple[str, Sequence[Any]]:
        """Return mode and values of a form, which are forgotten; waits until they are there.

        Raises:
            RouteError: they do not come.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: word in self._values, PATIENCE_SECONDS):
                raise RouteError(
                    504, "form_missing", "the web UI did not hand over its form; reload the page and try again"
                )
            return self._values.pop(word)

    def keep(self, word: str, kept: Kept) -> None:
        """Keep a draft for the questions that follow."""
        with self._changed:
            _put(self._kept, word, kept)

    def kept(self, word: str) -> Kept:
        """Return a draft that was kept.

        Raises:
            RouteError: it is not here (any more).
        """
        with self._changed:
            found = self._kept.get(word)
        if found is None:
            raise RouteError(
                404, "draft_not_found", "this was forgotten meanwhile; close the window and queue it again"
            )
        return found


def _put(into: OrderedDict[str, Any], word: str, value: Any) -> None:
    into[word] = value
    into.move_to_end(word)
    while len(into) > MOST_KEPT:
        into.popitem(last=False)
