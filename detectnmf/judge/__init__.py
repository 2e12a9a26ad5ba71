"""How far to trust what was found.

Map: `measures` the formulas for one cell, `quality` the knobs and the cut; `match` who belongs to whom, `oracle` the best that true
footprints could give, `energy` what is left over, `events` dips and surges
against true ones, `evaluate` every score against a truth; `reproduce` whether two results are the same.
"""
