"""detectnmf: from a brain movie to demixed cells.

Map: nouns in `recording`, `compressed`, `components`, `result`; the way of the data in `pipeline`;
one folder for each stage (`io`, `compress`, `sparsen`, `detect`, `seeds`, `demix`, `background`,
`judge`, `report`); the command line in `cli` and `tasks`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["load", "read"]

_root = Path(__file__).resolve().parent.parent
if (_root / "pyproject.toml").is_file():  # a checkout: simulate/, train/, ... stand beside this folder
    __path__.insert(0, str(_root))

if TYPE_CHECKING:
    from detectnmf.io import read
    from detectnmf.result import load


def __getattr__(name: str) -> object:
    """Import the heavy readers only when they are asked for."""
    if name == "read":
        from detectnmf.io import read

        return read
    if name == "load":
        from detectnmf.result import load

        return load
    raise AttributeError(f"module 'detectnmf' has no attribute {name!r}")
