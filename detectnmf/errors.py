"""The one exception that a user's mistake may raise, and the one warning for data that was repaired."""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, which value, what to do: one line, printed without a traceback."""


class DataWarning(UserWarning):
    """Data that was repaired or an assumption that was made; the run goes on."""
