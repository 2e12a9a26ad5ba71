"""Detection: a compact Mask R-CNN finds cells in single frames of the sparsened movie.

Map: `network` the net; `checkpoint` its file and card; `select` which frames it is shown, and where; `context` what it sees of them;
`detector` from crops to instances; `calibration` from scores to probabilities; `keep` which detections become seeds; `limits` whether a
recording is like what it was trained on; `diameter` the size of a cell, when it was not given.
"""
