"""Compression: a movie becomes mean + std·(U V), blockwise and adaptively low-rank.

Map: `base` the contract; `blocks` where blocks lie and how they are blended; `moments` the first pass (mean, noise, averages);
`sketch` running directions of each block; `basis` from directions to a basis, freed of noise by `shrink`; `project` the second pass;
`rank` which components are kept; `pmd` penalised matrix decomposition, which puts them together.
"""
