"""Finds models: an index of words over all that is known of them, lists in pages, and what servers have and lack."""

from .coverage import Coverage
from .filters import DUPLICATES, SORTS, Search
from .indexing import Indexing
from .pages import Pages
from .similar import similar_names
from .statistics import Statistics

__all__ = ["DUPLICATES", "SORTS", "Coverage", "Indexing", "Search", "Searches", "Statistics", "similar_names"]


class Searches(Pages):
    """All that is found by search in one hub."""

    def refresh(self) -> int:
        """Index what is pending, if it is little; return how many models still are (at most 10,000 are counted)."""
        return self._indexing.refresh()
