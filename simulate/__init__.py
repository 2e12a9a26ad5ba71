"""From numbers to a movie with known truth.

Map: `simulator` draws a `scene` and renders it. What is there: `shapes` (cells), `place` (where they sit), `traces` (when they are
active), `background` (neuropil), `illumination`, `motion`, `drift`. How it is seen: `psf`, made fast by `optics`, gives `footprints`;
`sources` is all light together, `light` how much of it there is. What reaches the disk: `camera`, `faults`. What comes out: `movie`
(frames on demand), `truth`, `write` (files). Beside it: `like` (knobs measured on a finished run), `gallery` (pictures of every part).
"""
