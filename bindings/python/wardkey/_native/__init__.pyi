"""The library itself. maturin writes this package when it builds: cffi's reading of the C declarations."""

from typing import Any

ffi: Any
lib: Any
