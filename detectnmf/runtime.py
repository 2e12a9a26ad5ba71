"""Where and how a job runs: device, memory budget, seed, progress. Passed as an argument, never global."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from detectnmf import memory
from detectnmf.errors import UserError
from detectnmf.memory import GIB
from detectnmf.partial import Partial

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Runtime:
    """Device, memory budget and seed of one job.

    Args:
        device: "cpu", "cuda" or "cuda:N"; "auto" takes a GPU where there is one.
        max_memory: working memory in GiB; None takes half of what is free on the device.
        seed: the seed of every random choice.
        quiet: show no progress bars.
        partial: where a stage writes down how far it is.
        said: what a person was told once, and need not be told again.
    """

    device: str = "auto"
    max_memory: float | None = None
    seed: int = 0
    quiet: bool = False
    partial: Partial = field(default_factory=Partial, repr=False, compare=False)
    said: set[str] = field(default_factory=set, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.max_memory is not None and self.max_memory <= 0:
            raise UserError(f"max_memory must be above 0 GiB, got {self.max_memory}; leave it out to use half of what is free")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed must be 0 or more and below {2**32}, got {self.seed}")
        self.torch_device  # noqa: B018  fail before long work starts

    @property
    def torch_device(self) -> torch.device:
        import torch

        name = self.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            device = torch.device(name)
        except RuntimeError:
            raise UserError(f"device={name!r} is not a device; use auto, cpu, cuda or cuda:0") from None
        if device.type not in ("cpu", "cuda"):
            raise UserError(f"device={name!r} is not supported; use auto, cpu, cuda or cuda:0")
        if device.type == "cuda":
            found = torch.cuda.device_count() if torch.cuda.is_available() else 0
            if (device.index or 0) >= found:
                raise UserError(f"device={name!r} was asked for, but torch sees {found} CUDA GPUs; use device=cpu or device=auto")
        return device

    @property
    def budget(self) -> int:
        """Working memory in bytes."""
        if self.max_memory is not None:
            return int(self.max_memory * GIB)
        device = self.torch_device
        if device.type == "cuda":
            import torch

            return torch.cuda.mem_get_info(device)[0] // 2
        return memory.free() // 2

    @property
    def host_budget(self) -> int:
        """Working memory in bytes outside of the device."""
        free = memory.free() // 2
        return free if self.max_memory is None else min(free, int(self.max_memory * GIB))

    def fixed(self) -> Runtime:
        """With the budget of this moment from now on, whatever else takes or frees memory, so that batches stay as large as they are."""
        return self if self.max_memory is not None else replace(self, max_memory=max(self.budget, 1) / GIB)

    def batch(self, bytes_each: float, share: float = 0.25, most: int | None = None) -> int:
        """How many items of `bytes_each` fit into a share of the budget, at least one."""
        count = max(1, int(self.budget * share / max(bytes_each, 1)))
        return count if most is None else max(1, min(count, most))

    def in_batches(self, total: int, batch: int, work: Callable[[slice], None], label: str = "", start: int = 0) -> None:
        """Call `work` on consecutive slices of start..total; on out-of-memory halve the batch, say so once, and go on.

        Args:
            work: leaves nothing behind when it fails, since the same items are then given to it again in smaller batches.
        """
        for _ in self.pieces(total, batch, work, label, start):
            pass

    def pieces(self, total: int, batch: int, work: Callable[[slice], T], label: str = "", start: int = 0) -> Iterator[tuple[slice, T]]:
        """The same, with what `work` gave for each slice."""
        from tqdm import tqdm

        with tqdm(total=total, desc=label, disable=True if self.quiet or not label else None, delay=2.0, leave=False, initial=start) as bar:
            while start < total:
                piece = slice(start, min(start + batch, total))
                try:
                    made = work(piece)
                except (RuntimeError, MemoryError, OSError) as error:
                    if batch == 1 or not memory.out_of_memory(error):
                        raise
                    batch = max(1, batch // 2)
                    self.say_once("note: out of memory; going on with smaller batches (max_memory= sets the budget)")
                    memory.release()
                    continue
                yield piece, made
                self.tidy()
                bar.update(piece.stop - piece.start)
                start = piece.stop

    def say_once(self, words: str) -> None:
        """Warn, but for what was said before in this job."""
        if words not in self.said:
            self.said.add(words)
            logger.warning(words)

    def rng(self, *keys: int) -> np.random.Generator:
        """A generator that depends on the seed and the keys alone."""
        return np.random.default_rng([self.seed, *keys])

    def progress(self, items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
        """The items, with a bar and the time left for whatever takes more than two seconds, where a person looks on."""
        from tqdm import tqdm

        hidden = True if self.quiet else None
        for item in tqdm(items, desc=label, total=total, disable=hidden, delay=2.0, leave=False, dynamic_ncols=True):
            yield item
            self.tidy()

    def tidy(self) -> None:
        """Give back what is freed but still held, where memory is scarce."""
        memory.give_back(self.host_budget)


@cache
def fast_bfloat16(device: torch.device) -> bool:
    """Whether this device multiplies bfloat16 matrices in hardware: on a processor that does, convolutions are three to seven times faster
    than in float32, on one that does not, four times slower."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of torch do not tell
    return bool(known.get("amx_bf16", False))
