"""What Hydra, parts and the machine raise becomes one line, or stays a fault of the program."""

from dataclasses import dataclass

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from detectnmf.command.explain import explain, unknown_key
from detectnmf.command.settings import locate
from detectnmf.errors import UserError

CONFIG = {"seed": 0, "demix": {"_target_": "x.Y", "iterations": 3, "tolerance": 0.1}, "background": {"iterations": 2}}


@dataclass(frozen=True)
class Fails:
    how: str
    inner: object = None

    def __post_init__(self):
        if self.how == "user":
            raise UserError("how=user is not possible; take another")
        if self.how == "value":
            raise ValueError("how must be otherwise\nand more")
        if self.how == "fault":
            raise AttributeError("a slip of ours")


def built(**values):
    config = OmegaConf.create({"demix": {"_target_": f"{__name__}.Fails", **values}})
    with pytest.raises(InstantiationException) as error:
        instantiate(config.demix)
    return explain(error.value, "run", [])


def test_what_a_part_says():
    assert built(how="user") == "how=user is not possible; take another"
    assert built(how="value") == "demix: how must be otherwise"
    assert built(how="ok", inner={"_target_": f"{__name__}.Fails", "how": "value"}) == "demix.inner: how must be otherwise"
    assert built(how="fault") is None


def test_an_interpolation_that_leads_nowhere():
    with pytest.raises(OmegaConfBaseException) as error:
        OmegaConf.to_container(OmegaConf.create({"psf": {"size": "${sim.pixelsize}"}}), resolve=True)
    assert "sim.pixelsize" in explain(error.value, "run", [])
    assert "\n" not in explain(error.value, "run", [])


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 3 TiB"), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes\nmore")]
)
def test_out_of_memory_names_the_knob(error):
    line = explain(error, "run", [])
    assert line.startswith(f"out of memory ({str(error).splitlines()[0]})")
    assert "max_memory=" in line


def test_no_room_for_a_library_is_no_fault_of_a_part(monkeypatch):
    """It may come while a part's module is imported, or while the part is made."""

    def no_room(name):
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")

    monkeypatch.setattr("detectnmf.command.settings.import_module", no_room)
    with pytest.raises(ImportError, match="failed to map") as caught:
        locate("detectnmf.detect.detector.Detector", "detector")
    made = InstantiationException("Error in call to target\nfull_key: detector")
    made.__cause__ = caught.value
    for error in (caught.value, made):
        assert explain(error, "run", []).startswith("out of memory (libtorch_cpu.so")


def test_a_fault_is_not_explained_away():
    assert explain(RuntimeError("a slip of ours"), "run", []) is None
    assert explain(KeyError("x"), "run", []) is None


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("demix.iteration", "did you mean `demix.iterations`?"),
        ("iterations", "did you mean `background.iterations` or `demix.iterations`?"),
        ("background.tolerance", "did you mean `demix.tolerance`?"),
        ("demx.tolerance", "did you mean `demix.tolerance`?"),
        ("demix.zz", "`demix` has: iterations, tolerance"),
        ("seed.zz", "`seed` has no keys of its own"),
        ("zz", "there are: seed, demix, background"),
    ],
)
def test_unknown_keys(key, says):
    assert unknown_key(key, CONFIG) == f"unknown key `{key}`; {says}"
