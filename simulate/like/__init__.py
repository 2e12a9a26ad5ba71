"""A simulator that resembles a finished run: `measure` what the run found, then `resemble` it.

Map: `likeness` puts all measures together: `noise`, `ground` (light between cells), `cells`, `transients` (decay, events). `knobs` turns
the knobs of parts; `resemble` turns them until a simulation on `trial` measures the same.
"""

from detectnmf.simulate.like.likeness import Likeness, measure
from detectnmf.simulate.like.resemble import Resemblance, resemble

__all__ = ["Likeness", "Resemblance", "measure", "resemble"]
