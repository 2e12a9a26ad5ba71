"""Enhancing: what stands out of the background of a one-photon movie, frame by frame, on reading.

Map: `base` the contract; `opening` grey opening, which takes the background away; `diffusion` anisotropic smoothing; `neural` both, as a
recording; `none` leaves the recording as it is.
"""
