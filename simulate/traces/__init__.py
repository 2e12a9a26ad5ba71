"""When cells are active: `base` (contract, `Activity`).

Map: `spikes` says when cells fire, `indicator` what a calcium indicator makes of it, `calcium` puts the two together. `ar` works in
frames, `recorded` plays recordings (read by `recordings`), `events` makes dips and surges, `per_kind` gives each kind of cell its own.
"""
