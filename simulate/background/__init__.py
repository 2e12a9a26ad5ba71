"""What glows besides the cells: `base` (contract, `Neuropil`), `smooth`, `widefield`, `result` (of a run), `none`; see `limit`, too."""
