"""Device, budget and batches."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch

from detectnmf.errors import UserError
from detectnmf.memory import GIB
from detectnmf.runtime import Runtime, fast_bfloat16

QUIET = Runtime(device="cpu", max_memory=0.5, quiet=True)


def test_batches_fit_into_the_share_of_the_budget() -> None:
    assert QUIET.budget == GIB // 2
    assert QUIET.batch(1024, share=0.25) == GIB // 8 // 1024
    assert QUIET.batch(1024, most=7) == 7
    assert QUIET.batch(1e15) == 1


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_no_library_takes_are_refused(seed: int) -> None:
    with pytest.raises(UserError, match=f"seed must be 0 or more and below 4294967296, got {seed}"):
        Runtime(device="cpu", seed=seed)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_out_of_memory_halves_the_batch_says_so_once_and_goes_on(error: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    """Once in all, however many batches and stages it takes."""
    runtime, done = replace(QUIET, said=set()), list[int]()

    def work(piece: slice) -> None:
        if piece.stop - piece.start > 5:
            raise error("no room")
        done.extend(range(piece.start, piece.stop))

    with caplog.at_level(logging.WARNING):
        runtime.in_batches(37, 16, work)
        replace(runtime, max_memory=0.1).in_batches(20, 16, work)
    assert done == [*range(37), *range(20)]
    assert [record.message for record in caplog.records] == [
        "note: out of memory; going on with smaller batches (max_memory= sets the budget)"
    ]


def test_what_does_not_fit_one_by_one_is_an_error() -> None:
    def work(piece: slice) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        QUIET.in_batches(3, 4, work)


def test_the_seed_and_the_keys_alone_decide() -> None:
    assert Runtime(device="cpu", seed=3).rng(1, 2).random() == Runtime(device="cpu", seed=3, max_memory=1).rng(1, 2).random()
    assert Runtime(device="cpu", seed=3).rng(1).random() != Runtime(device="cpu", seed=3).rng(2).random()


@pytest.mark.parametrize(("knobs", "says"), [({"device": "tpu9"}, "is not a device"), ({"max_memory": 0}, "above 0 GiB")])
def test_mistakes(knobs: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Runtime(**{"device": "cpu", **knobs})


@pytest.mark.parametrize(
    ("device", "has", "says"), [("cpu", True, True), ("cpu", False, False), ("cuda", (8, 0), True), ("cuda", (7, 5), False)]
)
def test_half_precision_is_used_where_there_are_units_for_it(device: str, has: object, says: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it is emulated, and slower than single precision."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has}, raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: has)
    assert fast_bfloat16.__wrapped__(torch.device(device)) is says
