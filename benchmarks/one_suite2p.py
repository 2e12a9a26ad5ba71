"""One run of suite2p on a registered movie, from file to cells: SUITE2P_PYTHON benchmarks/one_suite2p.py FOLDER_OF_ONE_TIFF RATE

Runs in an environment that has suite2p 1.1 (pip install suite2p==1.1.*), through its public functions alone: detection and extraction,
without registration and deconvolution. Prints one line of JSON: seconds after the imports, the numbers of regions and of
those that it takes for cells, and the peak memory (GiB).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import suite2p
from memory import peak


def main(folder: str, rate: float) -> None:
    """Run, count, say."""
    settings = suite2p.default_settings()
    settings.update(torch_device="cpu", fs=rate, tau=0.6, diameter=[12.0, 12.0])
    settings["run"].update(do_registration=0, do_deconvolution=False, do_regmetrics=False)
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        with redirect_stdout(sys.stderr):
            suite2p.run_s2p(db={"data_path": [folder], "save_path0": place, "nplanes": 1, "nchannels": 1}, settings=settings)
        seconds = time.perf_counter() - start
        traces = np.load(next(Path(place).rglob("F.npy")))
        kept = np.load(next(Path(place).rglob("iscell.npy")))[:, 0] > 0
    print(json.dumps({"seconds": seconds, "regions": len(traces), "cells": int(kept.sum()), "memory": peak()}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
