"""What whoever submits or looks at a job is told of it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Warned:
    """Something that whoever submits should know; ``message`` says what to do."""

    code: str
    message: str

    def shown(self) -> dict[str, Any]:
        """Return it as answers show it."""
        return {"code": self.code, "message": self.message}
