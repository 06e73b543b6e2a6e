"""The fixtures that other programs' tests use."""

from __future__ import annotations

import pytest

from wardkey import pytest as plugin


def test_the_fixtures_come_by_themselves(pytester: pytest.Pytester) -> None:
    example = (plugin.__doc__ or "").split("\n\n", 2)[2]
    lines = [line[4:] for line in example.splitlines()]
    pytester.makepyfile("\n".join(["import pytest", "import wardkey", *lines]))
    pytester.runpytest_subprocess("-W", "error::ResourceWarning").assert_outcomes(passed=1)
