"""One default run without detection, from file to cells, in a process of its own: python benchmarks/one_run.py MOVIE

Prints one line of JSON: seconds after the imports, those of each stage, the number of cells, and the peak memory (GiB).
"""

from __future__ import annotations

import json
import logging
import sys
import time

from common import build_pipeline, compose
from memory import peak

import detectnmf
from detectnmf.runtime import Runtime


def main(path: str) -> None:
    """Read, find, demix."""
    logging.getLogger("detectnmf").setLevel(logging.ERROR)
    start = time.perf_counter()
    pipeline = build_pipeline(compose(("seeder=[superpixels]",)))
    result = pipeline(detectnmf.read(path), Runtime(device="cpu", quiet=True))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "stages": result.provenance["timings"], "cells": len(result.cells), "memory": peak()}))


if __name__ == "__main__":
    main(sys.argv[1])
