"""What the process holds, and giving back what it no longer needs."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from detectnmf import memory
from detectnmf.memory import GIB

MIB = 2**20
told = pytest.mark.skipif(
    memory.resident() == 0 or memory._malloc_trim() is None, reason="this system tells no resident memory, or has no glibc"
)


@told
def test_what_is_allocated_is_resident_and_counts_in_the_peak() -> None:
    before = memory.resident()
    held = np.ones(64 * MIB, np.uint8)
    assert held.nbytes * 0.9 < memory.resident() - before < held.nbytes * 1.5
    assert memory.peak() >= memory.resident() - 8 * MIB


def gaps() -> list[np.ndarray]:
    """256 MiB of the heap, every other piece of which is freed: too small each to be a mapping of its own."""
    pieces = [np.ones(64 * 1024, np.uint8) for _ in range(4096)]
    return pieces[::2]


@told
def test_freed_memory_is_given_back_only_where_it_is_scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LIBRARIES", 0)
    kept = gaps()
    held = memory.resident()
    memory.give_back(100 * GIB)
    assert memory.resident() > held - 8 * MIB
    memory.give_back(1)
    assert memory.resident() < held - 64 * MIB
    assert all(piece.min() == 1 for piece in kept)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        RuntimeError("unable to mmap 5526310 bytes from file <neurons.safetensors>: Cannot allocate memory (12)"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a primitive"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_what_counts_as_out_of_memory(error: Exception) -> None:
    assert memory.out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        OSError(errno.ENOSPC, "full"),
        ImportError("libgomp.so.1: cannot allocate memory in static TLS block"),
    ],
)
def test_what_does_not(error: Exception) -> None:
    assert not memory.out_of_memory(error)


def test_a_containers_limit_counts(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """3 GiB allowed, 2 used, of which 0.5 are files that can be given up; none, and "max", are no limit."""
    whole = memory.free()
    files = (str(tmp_path), "memory.max", "memory.current", "inactive_file")
    monkeypatch.setattr(memory, "CONTAINERS", (files, ("/nowhere", "a", "b", "c")))
    assert memory.free() == pytest.approx(whole, rel=0.5)
    (tmp_path / "memory.max").write_text(f"{3 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{2 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 7\ninactive_file {MIB // 2}\n")
    assert memory.free() == 3 * MIB // 2
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free() > 100 * MIB
