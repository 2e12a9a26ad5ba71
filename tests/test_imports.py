"""Imports point one way: train -> simulate -> detectnmf's nouns, and train -> detectnmf."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP = ("simulate", "train", "configs", "checkpoints")
NOUNS = {
    "recording",
    "components",
    "compressed",
    "result",
    "signals",
    "registration",
    "event_table",
    "errors",
    "runtime",
    "partial",
    "memory",
    "sparse",
    "patches",
}


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py") if not any(part.startswith(".") for part in path.parts))


def imported(path):
    """(line, dotted name) of every import in a file, wherever it stands; `from a import b` gives a.b."""
    inside = path.relative_to(ROOT).parts
    package = ("" if inside[0] == "detectnmf" else "detectnmf.") + ".".join(inside[:-1])
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join(parents[: len(parents) - node.level + 1] + ([base] if base else []))
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def offenders(folder, wrong):
    return [f"{path.relative_to(ROOT)}:{line} imports {name}" for path in sources(folder) for line, name in imported(path) if wrong(name)]


def under(name, *packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_detectnmf_knows_nothing_of_simulation_or_training():
    assert not offenders("detectnmf", lambda name: under(name, "detectnmf.simulate", "detectnmf.train"))


def test_simulate_knows_the_nouns_and_their_files_alone():
    def wrong(name):
        if not under(name, "detectnmf") or under(name, "detectnmf.simulate", "detectnmf.io.store", "detectnmf.io.atomic"):
            return False
        return name != "detectnmf.__version__" and name.split(".")[1] not in NOUNS

    assert not offenders("simulate", wrong)


def test_nouns_know_no_stage():
    """A noun may import other nouns, the model of what is explained, and its files."""
    allowed = ("detectnmf.io.store", "detectnmf.demix.model")
    for noun in sorted(NOUNS):
        path = ROOT / "detectnmf" / f"{noun}.py"
        names = [name for _, name in imported(path) if under(name, "detectnmf") and not under(name, *allowed)]
        assert {name.split(".")[1] for name in names} <= NOUNS, path


@pytest.mark.parametrize("folder", ["detectnmf", *TOP[:3], "tests", "benchmarks"])
def test_folders_at_the_top_are_imported_inside_the_package_only(folder):
    """`import simulate` from the root would make a second copy of every class."""
    assert not offenders(folder, lambda name: under(name, *TOP))


def test_only_the_command_line_sees_hydra():
    found = offenders("detectnmf", lambda name: under(name, "hydra", "omegaconf"))
    assert not [one for one in found if not one.startswith(("detectnmf/cli.py", "detectnmf/tasks/", "detectnmf/command/"))]
    assert not offenders("simulate", lambda name: under(name, "hydra", "omegaconf"))
    assert not offenders("train", lambda name: under(name, "hydra", "omegaconf"))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import detectnmf", ["torch", "numpy", "hydra", "lightning", "matplotlib"]),
        ("import detectnmf.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass", ["torch", "numpy", "hydra", "omegaconf"]),
        ("import detectnmf.cli as c\ntry: c.main(['run', '--help'])\nexcept SystemExit: pass", ["torch", "torchvision", "lightning"]),
        ("import detectnmf.cli as c\ntry: c.main(['train', '--cfg', 'job'])\nexcept SystemExit: pass", ["torch", "torchvision"]),
        (
            "import detectnmf.pipeline, detectnmf.io, detectnmf.simulate.simulator",
            ["lightning", "matplotlib", "sklearn", "torchvision", "zarr", "h5py", "hydra"],
        ),
    ],
)
def test_heavy_libraries_are_imported_when_used(code, absent):
    """What is not asked for is not paid for; `--help` answers at once."""
    code += f"\nimport sys; print('loaded:', *[m for m in {absent} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "loaded:"
