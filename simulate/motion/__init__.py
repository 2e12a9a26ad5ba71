"""How the brain moves under the microscope: `base` (contract, `Still`), `rigid`, `nonrigid`; `warp` moves images."""
