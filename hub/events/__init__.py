"""What changed, in the order in which it was committed, told to every process and every listener."""

from .telling import tell

__all__ = ["tell"]
