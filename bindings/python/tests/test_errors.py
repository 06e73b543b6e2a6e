"""Each status code of the header has its exception. `BLESS=1` prints them anew."""

from __future__ import annotations

import pickle

import pytest
from print_errors import PRINTED, class_name, codes, printed_classes

import wardkey
from wardkey import errors
from wardkey._error import error_of
from wardkey._native import ffi, lib


def test_the_exceptions_are_those_of_the_header() -> None:
    printed = PRINTED.read_text(encoding="utf-8")
    assert printed == printed_classes(), (
        "BLESS=1 bindings/python/tests/run renews wardkey/errors.py"
    )


def test_every_code_raises_the_exception_of_its_name() -> None:
    for name, code, _ in codes():
        error = error_of(code)
        assert type(error) is getattr(errors, class_name(name)), name
        assert (error.name, error.code) == (f"WARDKEY_{name}", code)
        assert error.message == ffi.string(lib.wardkey_status_message(code)).decode()


@pytest.mark.parametrize(
    ("code", "kind"),
    [(199, wardkey.MisuseError), (299, wardkey.Denied), (399, wardkey.Error),
     (499, wardkey.StorageError), (599, wardkey.InternalError), (777, wardkey.Error)],
)  # fmt: skip
def test_a_code_of_a_later_library_is_an_exception_of_its_kind(
    code: int, kind: type[wardkey.Error]
) -> None:
    error = error_of(code, "told")
    assert type(error) is kind
    assert (error.name, error.message) == ("WARDKEY_UNKNOWN", "told")


def test_an_exception_survives_pickling() -> None:
    error = error_of(lib.WARDKEY_DENIED_RATE_LIMITED, "too often", 7, 429, "Bearer")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.RateLimited
    assert (copy.message, copy.system_code, copy.http_status) == ("too often", 7, 429)
    assert copy.retry_after == 7
