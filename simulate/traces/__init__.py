"""When cells are active: `base` (contract, `Activity`), `calcium`."""
