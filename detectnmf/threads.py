"""Threads for small work: where each product is done in microseconds, the threads of a library cost more than they bring.

They wait for each other by spinning. On a quiet machine that is lost time; where another program holds a core, each product waits
for that program's time slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread, for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


small_blas = threadpool_limits.wrap(limits=1, user_api="blas")  # decorator: numpy and scipy multiply on one thread; torch keeps its own
