"""Point spread functions.

Map: `base` is the contract. Two-photon: `two_photon` (Gaussian), `two_photon_physical` (from the pupil), `bessel`, `bessel_annular` (from
the pupil), `vtwins`. Widefield: `one_photon`, `light_sheet`. Others' own: `measured`, `function`. None at all: `ideal`. Formulas:
`pupil` (focused light), `widefield` (blur and scattering), `pixels` (profiles to kernels), `stack` (z-stacks in TIFF).
"""
