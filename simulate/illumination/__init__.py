"""How evenly light falls on the tissue and comes out of it: `base` (contract, `Illumination`, `Even`), `uneven` with its `vessels`."""
