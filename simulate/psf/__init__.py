"""Point spread functions: `base` (contract), `two_photon`, `bessel`."""
