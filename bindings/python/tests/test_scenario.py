"""The bindings' common scenario comes out in Python as in every language."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import BINDING

SCENARIO = BINDING.parent / "scenario"


def test_a_clinics_day_is_the_same_as_in_every_language(tmp_path: Path) -> None:
    player = [sys.executable, str(BINDING / "tests" / "player.py")]
    folder, transcript = tmp_path / "day", tmp_path / "transcript"
    folder.mkdir()
    with transcript.open("wb") as out:
        subprocess.run(
            [*player, str(SCENARIO / "clinic.scenario"), str(folder)], stdout=out, check=True
        )
    compared = subprocess.run(
        [sys.executable, str(SCENARIO / "compare"), str(transcript)],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    assert compared.stdout == ""
    assert compared.returncode == 0
