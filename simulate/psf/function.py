"""Any callable as a PSF."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import positive


def find(path: str) -> object:
    """What a dotted path such as "my_optics.kernel" names.

    Raises:
        UserError: no such module, or nothing of that name in it.
    """
    module, _, name = path.rpartition(".")
    if not module:
        raise UserError(f"psf.function must be a dotted path such as my_optics.kernel, got {path!r}")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise UserError(f"psf.function={path}: {module} needs a module that is missing: {error}") from None
        raise UserError(f"psf.function={path}: no module {error.name!r}; put {error.name}.py into the current folder") from None
    except AttributeError:
        raise UserError(f"psf.function={path}: {module} has no {name!r}") from None


@dataclass(frozen=True)
class Function:
    """kernel(depth, pixel_size): depths (D,) in µm below the focal plane -> (D, h, w), see `PSF`.

    For a PSF with knobs of its own, write a class and a YAML instead.

    Args:
        function: a callable, or the dotted path of one that can be imported.
        pixel_size: µm.
    """

    function: str | Callable[[np.ndarray, float], np.ndarray] | None = None
    pixel_size: float = 1.0

    def __post_init__(self) -> None:
        positive(self, "pixel_size")
        if self.function is None:
            raise UserError("psf.function must name a callable, for example psf.function=my_optics.kernel")
        kernel = self._kernel
        if not callable(kernel):
            raise UserError(f"psf.function={self.function} is {type(kernel).__name__}, not a callable kernel(depth, pixel_size)")
        try:
            inspect.signature(kernel).bind(np.zeros(1), self.pixel_size)
        except TypeError as error:
            raise UserError(f"psf.function={self.function} must take (depth, pixel_size): {error}") from None
        except ValueError:
            pass  # a callable without a signature, made in C

    @property
    def _kernel(self) -> Callable[[np.ndarray, float], np.ndarray]:
        found = find(self.function) if isinstance(self.function, str) else self.function
        return found  # type: ignore[return-value]

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        try:
            return np.asarray(self._kernel(np.asarray(depth, float), self.pixel_size), float)
        except Exception as error:
            raise UserError(f"psf.function = {self.function} failed: {type(error).__name__}: {error}") from error
