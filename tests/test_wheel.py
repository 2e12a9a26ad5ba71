"""What a user gets: the wheel holds the tree and nothing else, and its command works from another folder."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("detectnmf", "simulate", "train", "configs", "checkpoints")
LEFT_OUT = {".pyc", ".part"}

pytestmark = pytest.mark.xdist_group("wheel")  # one worker builds it once


def run(command, **known):
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, **known)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tree():
    """The files that belong to the package, as they are in the checkout."""
    files = {path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return {path.relative_to(ROOT) for path in files if path.suffix not in LEFT_OUT and not path.name.startswith(".")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a clean copy: what an earlier build left in build/ would be shipped."""
    copy = tmp_path_factory.mktemp("clean")
    for path in tree():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", copy / "dist", copy])
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel in an environment of its own, which borrows the libraries of this one."""
    place = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", place])
    python = place / "bin" / "python"
    run([python, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--disable-pip-version-check", wheel])
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    ours = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    # The paths alone: an editable install of detectnmf there works by a .pth file, which is not followed from here.
    (site / "borrowed.pth").write_text("\n".join(ours))
    return place


def test_the_wheel_holds_the_tree_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {str(path if path.parts[0] == "detectnmf" else Path("detectnmf") / path) for path in tree()}
    assert names == wanted


def test_nothing_but_detectnmf_lands_in_site_packages(wheel):
    assert {name.split("/")[0].split("-")[0] for name in zipfile.ZipFile(wheel).namelist()} == {"detectnmf"}


def test_metadata(wheel):
    import detectnmf

    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(name).decode()
    assert f"\nVersion: {detectnmf.__version__}\n" in metadata
    assert "\nLicense-Expression: BSD-3-Clause\n" in metadata
    needs = re.findall(r"^Requires-Dist: ([^;\n]+)$", metadata, re.M)
    assert needs
    assert not [need for need in needs if "==" in need or "@" in need], "lower bounds only"
    assert any(entry.endswith("licenses/LICENSE") for entry in archive.namelist())


def test_the_command_works_from_another_folder(installed, tmp_path):
    command = installed / "bin" / "detectnmf"
    (tmp_path / "train.py").write_text("raise SystemExit('the user has a file of that name')")
    (tmp_path / "simulate.py").write_text("raise SystemExit('the user has a file of that name')")
    assert "Examples" in run([command, "--help"], cwd=tmp_path)
    assert run([command, "--version"], cwd=tmp_path).startswith("detectnmf ")
    for verb in ("run", "train", "demo"):
        assert "_target_: detectnmf." in run([command, verb, "--cfg", "job"], cwd=tmp_path)
    assert "wrote out.tif" in run([command, "simulate", "out.tif", "sim.frames=20", "sim.size=[32,32]", "sim.cells=3"], cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"train.py", "simulate.py", "out.tif", "out.truth.h5"}


def test_the_installed_package_is_whole(installed, tmp_path):
    """Everything is imported from the installed copy, and each class is there once."""
    code = """
import importlib, pkgutil, sys, detectnmf
for module in pkgutil.walk_packages(detectnmf.__path__, "detectnmf."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
ours = [m for m in list(sys.modules.values()) if m.__name__.split(".")[0] == "detectnmf"]
assert len(ours) > 50, len(ours)
assert all(m.__file__.startswith(sys.prefix) for m in ours), [m.__file__ for m in ours]
assert not {"simulate", "train", "configs", "checkpoints"} & set(sys.modules)
"""
    run([installed / "bin" / "python", "-c", code], cwd=tmp_path)


def test_a_psf_of_ones_own_is_simulated_and_trained_on(installed, tmp_path):
    """The class and the YAML of the README, in a folder of one's own: the same words after simulate and after train."""
    blocks = dict(re.findall(r"```(python|yaml)\n(# my_.*?)```", (ROOT / "README.md").read_text(), re.S))
    (tmp_path / "my_psf.py").write_text(blocks["python"])
    (tmp_path / "my_configs" / "psf").mkdir(parents=True)
    (tmp_path / "my_configs" / "psf" / "cone.yaml").write_text(blocks["yaml"])
    command, words = (
        installed / "bin" / "detectnmf",
        ["--config-dir", "my_configs", "psf=cone", "sim.frames=150", "sim.size=[64,64]", "sim.cells=8", "activity.events=2"],
    )
    told = run([command, "simulate", "out.tif", *words], cwd=tmp_path)
    assert "wrote out.tif" in told and float(re.search(r"snr ([\d.]+)", told)[1]) == pytest.approx(8, rel=0.01)
    brief = [
        "training.steps=2",
        "training.batch=2",
        "training.validation=1",
        "training.workers=0",
        "training.per_movie=6",
        "training.test=1",
        "training.scored=4",
    ]
    ranges = ["~training.ranges.cells", "~training.ranges.snr", "~training.ranges.activity", "training.window=2"]
    run([command, "train", "cone", *words, *brief, *ranges], cwd=tmp_path)
    assert "Cone" in (tmp_path / "cone.md").read_text()
    assert (tmp_path / "cone.safetensors").stat().st_size > 1e6
