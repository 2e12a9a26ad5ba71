"""Compression: a movie becomes mean + std·(U V), blockwise and adaptively low-rank.

Map: `base` the contract; `blocks` where blocks lie and how they are blended; `moments` the first pass (mean, noise, basis);
`sketch` a running basis of each block; `rank` when to stop; `pmd` penalised matrix decomposition, which puts them together.
"""
