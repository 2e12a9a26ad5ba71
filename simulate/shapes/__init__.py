"""Shape libraries: `base` (contract, `Shape`), `soma`, `pyramidal`; `surface` and `tree` hold the geometry."""
