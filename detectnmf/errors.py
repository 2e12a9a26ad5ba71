"""The one exception that a user's mistake may raise."""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, which value, what to do: one line, printed without a traceback."""
