"""How much memory a process took; without imports, so that any interpreter can use it."""

from __future__ import annotations


def peak() -> float | None:
    """GiB, of this process alone; None where the system does not tell.

    Not `ru_maxrss`, which a process inherits from the one that started it.
    """
    try:
        with open("/proc/self/status") as lines:
            (found,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    except (OSError, ValueError):
        return None
    return int(found) / 2**20
