"""Time in the test's hand: nothing passes but what the test lets pass."""

from dataclasses import dataclass

START_SECONDS = 1_800_000_000.25


@dataclass
class Clock:
    """One machine's two clocks, in seconds: the wall clock may jump, the steady one only runs."""

    wall_seconds: float = START_SECONDS
    steady_seconds: float = 1000.0

    def wall(self) -> float:
        return self.wall_seconds

    def steady(self) -> float:
        return self.steady_seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall_seconds += seconds
        self.steady_seconds += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock, as a person or an NTP daemon does."""
        self.wall_seconds += seconds
