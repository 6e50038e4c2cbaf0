"""The steps of an evaluation, kept as templates and values: most are never read, so none is rendered before."""


class Trace:
    """Steps in the order they were taken."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[tuple[str, tuple[object, ...]]] = []

    def add(self, template: str, *values: object) -> None:
        """Add a step: a format string and its values."""
        self._steps.append((template, values))

    def render(self) -> tuple[str, ...]:
        """Return the steps as sentences; a continuation (``   → …``) belongs to the line before it."""
        lines: list[str] = []
        for template, values in self._steps:
            line = template.format(*values)
            if line.startswith(" ") and lines:
                lines[-1] += line.replace("   ", " ", 1)
            else:
                lines.append(line)
        return tuple(lines)
