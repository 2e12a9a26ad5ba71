"""What glows besides the cells: `base` (contract, `Neuropil`), `smooth`, `none`."""
