"""Import torchvision, and say plainly when it does not fit torch."""

from __future__ import annotations

from detectnmf.errors import UserError
from detectnmf.memory import out_of_memory


def import_torchvision() -> None:
    """Raises UserError where torchvision's operators do not load beside the installed torch, for another reason than want of memory."""
    try:
        import torchvision  # noqa: F401
        from torchvision.ops import nms  # noqa: F401
    except (ImportError, RuntimeError) as error:
        if out_of_memory(error):
            raise
        reason = str(error).splitlines()[0]
        raise UserError(f"torch and torchvision do not fit together ({reason}); reinstall both: pip install -U torch torchvision") from None
