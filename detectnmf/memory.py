"""What memory there is, what this process holds, and giving back what it no longer needs."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import sys
from functools import cache
from pathlib import Path

GIB = 1024**3
LIBRARIES = GIB // 2  # what torch and the rest take before any work
NO_ROOM = (  # in the words of torch's allocator, of C++, of oneDNN (which gives no reason), cuBLAS and cuDNN
    "allocate memory",
    "not enough memory",
    "std::bad_alloc",
    "could not create a primitive",
    "could not create a memory",
    "STATUS_ALLOC_FAILED",
)
CONTAINERS = (  # where a container's limit and use stand, and what of that is files: the second and the first version of control groups
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free() -> int:
    """Bytes that the system, and the container if this is one, could give; 4 GiB where neither tells."""
    try:
        with open("/proc/meminfo") as lines:
            table = {line.split(":")[0]: line.split()[1] for line in lines}
        found = int(table["MemAvailable"]) * 1024
    except (OSError, KeyError):
        found = 4 * GIB
    return min([found, *(limit for limit in map(_of_container, CONTAINERS) if limit is not None)])


def _of_container(files: tuple[str, str, str, str]) -> int | None:
    """Bytes below the limit of a container, where there is one. Files kept in memory are given up when need be."""
    folder, limit, used, cached = files
    try:
        table = dict(line.split() for line in Path(folder, "memory.stat").read_text().splitlines())
        return max(0, int(Path(folder, limit).read_text()) - int(Path(folder, used).read_text()) + int(table[cached]))
    except (OSError, ValueError, KeyError):  # there is none, or it says "max"
        return None


def resident() -> int:
    """Bytes that this process holds now, its libraries included; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as line:
            return int(line.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def peak() -> int:
    """Most bytes that this process has held, its libraries included."""
    try:
        with open("/proc/self/status") as lines:  # not ru_maxrss, which a process inherits from the one that started it
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def give_back(budget: int) -> None:
    """Hand freed memory back to the system where this process holds more than half of its budget beside its libraries.

    glibc keeps what is freed and cannot always use it again: large tensors, aligned as torch wants them, leave gaps that the next one does
    not fit. A run that allocated no more than 0.5 GiB at a time grew to 2 GiB so.
    """
    if resident() > LIBRARIES + budget // 2 and (trim := _malloc_trim()) is not None:
        trim(0)


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    """glibc's; None elsewhere."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None


def out_of_memory(error: BaseException) -> bool:
    """True for what Python, the system, torch and its libraries raise when there is no memory left, on a CPU and on a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, which need not be loaded
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, ImportError):  # in the words of the loader of libraries, which gives no reason
        return "failed to map segment" in str(error)
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in NO_ROOM)


def release() -> None:
    """Let go of what is no longer used, on the GPU too, after memory has run out."""
    import torch

    gc.collect()
    if (trim := _malloc_trim()) is not None:
        trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
