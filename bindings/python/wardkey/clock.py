"""Time as an engine sees it."""

from __future__ import annotations

from threading import Lock
from typing import Protocol


class Clock(Protocol):
    """A clock of your own, for tests. Opening an engine with one is recorded in the audit."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since any start, never running backwards."""
        ...


class ManualClock:
    """A clock that stands until it is moved.

    >>> clock = ManualClock()
    >>> start = clock.wall_ms()
    >>> clock.advance(1.5)
    >>> clock.wall_ms() - start
    1500
    """

    def __init__(self, wall_ms: int = 1_772_353_800_000) -> None:
        """It begins at `wall_ms`: without one on 2026-03-01 at 08:30 UTC."""
        self._lock = Lock()
        self._wall_ms = wall_ms
        self._monotonic_ms = 0

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return self._wall_ms

    def monotonic_ms(self) -> int:
        """Milliseconds since this clock was made."""
        return self._monotonic_ms

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        if seconds < 0:
            raise ValueError("time does not run backwards; set_wall_ms() sets the date back")
        with self._lock:
            self._wall_ms += round(seconds * 1000)
            self._monotonic_ms += round(seconds * 1000)

    def set_wall_ms(self, wall_ms: int) -> None:
        """Sets the date, as somebody does who corrects a clock: no time passes."""
        self._wall_ms = wall_ms
