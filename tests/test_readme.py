"""What the README shows does work."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import detectnmf
from detectnmf.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language; "" for those that name none."""
    fenced = [part.split("\n", 1) for part in README.split("```")[1::2]]
    return [text for name, text in fenced if name == language]


def test_the_psf_of_the_readme_makes_a_movie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, config = blocks("python")[1], blocks("yaml")[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("my_psf.py").write_text(code)
    Path("my_configs/psf").mkdir(parents=True)
    Path("my_configs/psf/cone.yaml").write_text(config)
    words = [
        "simulate",
        "movie.tif",
        "--config-dir",
        "my_configs",
        "psf=cone",
        "sim.frames=40",
        "sim.size=[64,64]",
        "sim.cells=8",
        "activity.events=2",
    ]
    with pytest.raises(SystemExit) as done:
        main(words)
    assert done.value.code in (0, None)
    truth = detectnmf.load("movie.truth.h5")
    assert detectnmf.read("movie.tif").shape == (40, 64, 64)
    assert truth.provenance["config"]["psf"]["_target_"] == "my_psf.Cone"
    assert len(truth.cells) >= 4

    from my_psf import Cone  # type: ignore[import-not-found]

    kernels = Cone(1.0)(np.array([0.0, 6.0]))
    assert kernels.min() >= 0 and kernels.shape[1] % 2 == 1
    assert np.allclose(kernels.sum((1, 2)), [1, np.exp(-1)])


def test_every_command_of_the_readme_is_understood(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is composed and shown instead of being run."""
    commands = [line.split("#")[0].split() for block in blocks("") for line in block.splitlines() if line.startswith("detectnmf ")]
    assert len(commands) >= 5
    for _, *words in commands:
        if "--config-dir" in words:
            continue  # tested above
        with pytest.raises(SystemExit) as done:
            main([*words, "--cfg", "job"])
        assert done.value.code in (0, None), words
        assert "device: auto" in capsys.readouterr().out


def test_every_file_that_it_names_is_there() -> None:
    root = Path(__file__).parents[1]
    named = re.findall(r"`((?:docs|configs|checkpoints|benchmarks)/[\w/.]+)`", README) + re.findall(r"\]\(([\w/.]+)\)", README)
    assert len(named) >= 4
    for name in named:
        assert (root / name).exists(), name
