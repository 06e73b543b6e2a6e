"""Opening an engine where it is used, which a server that forks demands."""

from __future__ import annotations

from threading import Lock
from typing import Callable, Optional, Union

from .engine import Engine


class LazyEngine:
    """An engine that is opened at its first use: in the worker, not in the process that forks it.

    >>> engine = LazyEngine(lambda: Engine.open_or_create(folder / "clinic.db", actor="setup"))
    >>> engine() is engine()
    True
    """

    def __init__(self, source: EngineSource) -> None:
        self._source = source
        self._opened = source if isinstance(source, Engine) else None
        self._lock = Lock()

    @property
    def opened(self) -> Optional[Engine]:
        """The engine if it is open already; it takes no time to ask."""
        return self._opened

    def __call__(self) -> Engine:
        """The engine. Opening it may take a while; if it fails, the next use tries again."""
        if self._opened is None:
            with self._lock:
                # Unless another thread was faster.
                if self._opened is None and not isinstance(self._source, Engine):
                    self._opened = self._source()
        if self._opened is None:
            raise TypeError("an engine, or a function that opens one, is needed")
        return self._opened


EngineSource = Union[Engine, Callable[[], Engine]]
"""An open engine, or a function that opens it when it is first needed. After a fork only the latter works."""


def lazy(source: EngineSource) -> LazyEngine:
    """The same for all who were given it."""
    return source if isinstance(source, LazyEngine) else LazyEngine(source)
