"""Simulators built from the shipped configuration, for tests."""

from __future__ import annotations

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import OmegaConf

from detectnmf.simulate.simulator import Simulator

CONFIGS = Path(__file__).parents[1] / "configs"


PARTS = {
    "psf": "two_photon",
    "shapes": "pyramidal",
    "activity": "gcamp6f",
    "neuropil": "smooth",
    "camera": "photon",
    "illumination": "even",
    "motion": "still",
    "drift": "steady",
    "faults": "none",
}


def simulator(**knobs: object) -> Simulator:
    """The default simulator; a part's name picks another of its kind, everything else is a knob of the scene."""
    parts = {group: knobs.pop(group, name) for group, name in PARTS.items()}
    config = OmegaConf.create({group: OmegaConf.load(CONFIGS / group / f"{name}.yaml") for group, name in parts.items()})
    config.sim = OmegaConf.load(CONFIGS / "scene" / "default.yaml")
    for knob, value in knobs.items():
        config.sim[knob] = value
    return instantiate(config.sim)
