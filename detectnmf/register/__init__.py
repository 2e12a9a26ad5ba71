"""Registration: frames put back to where they belong when they are read.

`base` (contract), `none`, `rigid`, `piecewise`, `neighbours`, `given`, `auto`; `template` makes what frames are compared with, `match`
compares, `field` makes a smooth field of pieces, `estimate` puts these together, `warp` moves images, `frames` does it on reading.
"""
