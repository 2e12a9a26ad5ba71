"""How often a second the movie was recorded: what its transients say, given how fast the indicator decays."""

from __future__ import annotations

from detectnmf.doctor.finding import Finding
from detectnmf.doctor.trial import Trial
from detectnmf.recording import Recording

FASTEST, SLOWEST = 0.3, 1.8  # s, decay of the indicators in use (GCaMP6f 0.4-0.7, 6s 1.25-1.5)
BURSTS = 1.6  # times slower than a single transient's decay, where cells burst
ASSUMED = "No frame rate in the file"


def finding(recording: Recording, trial: Trial) -> Finding:
    """Whether the rate fits the transients; the range of rates that would."""
    known = not any(note.startswith(ASSUMED) for note in recording.notes)
    used = f"{recording.rate:g} Hz, {'as known' if known else 'assumed, since the file does not say'}"
    if trial.decay is None:
        return Finding("frame rate", used, "fine" if known else "warning", "" if known else "give rate=...")
    low, high = plausible(trial.decay)
    fits = f"{low:.2g} to {high:.2g} Hz (indicators decay within {FASTEST} to {SLOWEST} s)"
    value = f"{used}; transients decay within {trial.decay:.3g} frames, which fits {fits}"
    if not low <= recording.rate <= high:
        advice = "the rate is wrong, the indicator unusual, or what cells respond to lasts long" if known else "give the true rate="
        return Finding("frame rate", value, "warning", advice)
    return Finding("frame rate", value, "fine" if known else "warning", "" if known else "give the true rate=")


def plausible(decay: float) -> tuple[float, float]:
    """Hz at which transients that decay within so many frames are those of a usual indicator."""
    return decay / BURSTS / SLOWEST, decay / FASTEST


def from_decay(decay: float, seconds: float) -> float:
    """Hz, where the indicator's decay is known (s)."""
    return decay / seconds
