"""A simulator that resembles a finished run: `measure` what the run found, then `resemble` it.

Map: `likeness` puts all measures together; `noise`, `ground` (light between cells) and `transients` (decay, events) are measures;
`knobs` says which knob of the simulator answers to which measure; `resemble` turns them until the simulation measures the same.
"""

from detectnmf.simulate.like.likeness import Likeness, measure
from detectnmf.simulate.like.resemble import Resemblance, resemble

__all__ = ["Likeness", "Resemblance", "measure", "resemble"]
