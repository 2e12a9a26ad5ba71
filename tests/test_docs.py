"""What docs/simulator.md shows does work, and it leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detectnmf.cli import main

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "simulator.md").read_text()
GROUPS = ("shapes", "neuropil", "illumination", "motion", "drift", "faults", "camera", "experiment")


def test_the_python_of_the_page_runs():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    known: dict = {}
    exec(code.replace("frames=5000", "frames=300"), known)
    simulated = known["simulated"]
    assert simulated.report["density"] == pytest.approx(1.0, rel=0.1)
    assert simulated.recording.shape == (300, 128, 128)


def test_every_command_of_the_page_is_understood(capsys):
    commands = [line.split()[1:] for line in PAGE.splitlines() if line.startswith("detectnmf ")]
    assert len(commands) >= 6
    for words in commands:
        with pytest.raises(SystemExit) as done:
            main([word for word in words if word != "-m" and "," not in word] + ["--cfg", "job"])
        assert done.value.code in (0, None), words
        assert "device: auto" in capsys.readouterr().out


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_is_named(group):
    for path in (ROOT / "configs" / group).glob("*.yaml"):
        assert f"`{path.stem}`" in PAGE, f"docs/simulator.md leaves out {group}={path.stem}"
