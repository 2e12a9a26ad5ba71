"""From numbers to a movie with known truth.

Map: `simulator` draws a `scene` and renders it; what is there: `shapes` (cells), `place` (where they sit),
`traces` (when they are active), `background` (neuropil); how it is seen: `psf`, `footprints`, `light`, `camera`;
what comes out: `movie` (frames on demand), `truth`, `write` (files).
"""
