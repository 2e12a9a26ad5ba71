"""Shape libraries: `base` (contract, `Shape`, `Part`), and one library a file.

Drawn: `soma`, `pyramidal`, `interneuron`, `nuclear` (zebrafish), `gaussian` (sc-CNMF's), `pocket` (oxygen dips and surges).
From files: `swc` (traced cells; `morphology` parses them), `volume` (segmented electron microscopy; `labels` reads it), `footprints` (of an
earlier result). `mixture` puts libraries side by side. Geometry: `surface` (somata), `tree` (processes).
"""
