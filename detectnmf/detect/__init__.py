"""Detection: a compact Mask R-CNN finds cells in single frames of the sparsened movie.

Map: `network` the net; `checkpoint` its file and card; `select` which frames it is shown, and where; `detector` from crops to
instances; `keep` which detections become seeds; `diameter` the size of a cell, when it was not given.
"""
