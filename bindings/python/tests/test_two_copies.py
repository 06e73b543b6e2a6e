"""This package's library and a host's own, in one process: as in a program in C++ that has Python inside."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from wardkey import Engine, _native, errors
from wardkey._native import ffi, lib

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is refused")


class Host:
    """What a host does with a library of its own."""

    def __init__(self, file: Path) -> None:
        # Another file is another copy, whatever is in it.
        self.library: Any = ffi.dlopen(str(file))
        assert self.library.wardkey_open != lib.wardkey_open

    def open(self, path: Path) -> tuple[int, Any]:
        """The code, and the engine."""
        options, engine = ffi.new("wardkey_options *"), ffi.new("wardkey_engine **")
        self.library.wardkey_options_init(options, ffi.sizeof("wardkey_options"))
        text = ffi.from_buffer("char[]", str(path).encode())
        options.path, options.path_len = text, len(text)
        code = self.library.wardkey_open(options, engine, ffi.NULL)
        return code, engine[0]

    def close(self, engine: Any) -> int:
        return int(self.library.wardkey_close(engine, ffi.NULL))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (file,) = Path(_native.__file__ or "").parent.glob("*native.so")
    return Host(Path(shutil.copy(file, tmp_path / "libhost.so")))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.db"
    Engine.create(path, actor="test").close()
    return path


def test_the_host_cannot_open_what_python_has_open(host: Host, database: Path) -> None:
    with Engine.open(database):
        assert host.open(database)[0] == lib.WARDKEY_MISUSE_ANOTHER_COPY
    code, engine = host.open(database)
    assert (code, host.close(engine)) == (0, 0)


def test_python_cannot_open_what_the_host_has_open(host: Host, database: Path) -> None:
    code, engine = host.open(database)
    assert code == 0
    with pytest.raises(errors.MisuseAnotherCopy, match="another copy of this library"):
        Engine.open(database)
    other = database.with_name("other.db")
    Engine.create(other, actor="test").close()
    assert host.close(engine) == 0
    Engine.open(database).close()


def test_neither_takes_the_others_engines(
    host: Host, wardkey_engine: Engine, database: Path
) -> None:
    code, theirs = host.open(database)
    assert code == 0
    ours = wardkey_engine._handle
    for library, engine in ((host.library, ours), (lib, theirs)):
        assert 100 <= library.wardkey_maintain(engine, ffi.NULL) < 200
        assert 100 <= library.wardkey_close(engine, ffi.NULL) < 200
    wardkey_engine.maintain()
    assert host.close(theirs) == 0
