"""`evaluate`: every score of an estimate against a truth (or against another program's output), from one function."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.event_table import EventTable
from detectnmf.judge import match
from detectnmf.judge.energy import residual_fraction
from detectnmf.judge.events import EventEvaluation
from detectnmf.judge.oracle import oracle_traces
from detectnmf.result import DemixResult

SPATIALLY_SIMILAR = 0.5  # footprint cosine
TEMPORALLY_SIMILAR = 0.5  # cosine of centred traces
HALF = 0.5  # of a mask: "mostly"
NAN = float("nan")


@dataclass(frozen=True)
class Detection:
    """Cells found and missed when a pair counts from `threshold` IoU on (one to one, as many pairs as possible)."""

    threshold: float
    hits: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Evaluation:
    """All scores; NaN where a score cannot be had (the notes say why).

    Args:
        strict, loose: detection at IoU 0.5 (headline) and 0.2 of masks above 0.2 of the footprint's maximum.
        recovery_accuracy: maskNMF: true cells, brightest first, each take the temporally most similar estimate among those with
            footprint cosine >= 0.5 that is not yet taken; mean cosine of centred traces, 0 for an unmatched cell.
        raw_accuracy, denoised_accuracy: the same of the raw-projected and of the denoised traces (`signals`) instead of the demixed ones.
        false_positives: estimates that nobody took; false_positive_rate: their share of all estimates.
        matched: share of true cells that took an estimate; recovered: with a temporal similarity of at least 0.5.
        spatial_cosine, trace_correlation: medians over the matched pairs.
        oracle_accuracy: the same mean for traces regressed on the true footprints; oracle_gap: how far the estimate is below.
        duplicates: estimates that nobody took whose mask has IoU >= 0.5 with a taken one.
        splits: true cells in pieces: beside its own estimate, or without one, estimates that nobody took (no duplicates) lie
            mostly (half of their mask) inside it, two or more pieces in all.
        merges: estimates that cover half of the mask of two or more true cells of which at least one is unmatched.
        residual_energy: share of the compressed movie's fluctuation left unexplained, in units of noise.
        partner: for each true cell the index of its estimate, or -1. similarity: its temporal similarity.
        events: dips and surges found and missed; None where neither side lists events.
        notes: what could not be computed, and why.
    """

    true_cells: int
    found_cells: int
    strict: Detection
    loose: Detection
    recovery_accuracy: float
    raw_accuracy: float
    denoised_accuracy: float
    matched: float
    recovered: float
    false_positives: int
    false_positive_rate: float
    spatial_cosine: float
    trace_correlation: float
    oracle_accuracy: float
    oracle_gap: float
    splits: int
    merges: int
    duplicates: int
    residual_energy: float
    partner: tuple[int, ...]
    similarity: tuple[float, ...]
    events: EventEvaluation | None
    notes: tuple[str, ...]

    def table(self) -> str:
        """The scores as text, one line each."""
        lines = [f"{'cells':<28}{self.found_cells} found, {self.true_cells} true"]
        for found in (self.strict, self.loose):
            scores = f"F1 {_show(found.f1)}   precision {_show(found.precision)}   recall {_show(found.recall)}   ({found.hits} pairs)"
            lines.append(f"{f'IoU >= {found.threshold}':<28}{scores}")
        for label, text in self.rows():
            lines.append(f"{label:<28}{text}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def rows(self) -> list[tuple[str, str]]:
        """(label, value) of every score but detection, for tables."""
        return [
            ("recovery accuracy", _show(self.recovery_accuracy)),
            ("of raw, of denoised traces", f"{_show(self.raw_accuracy)}, {_show(self.denoised_accuracy)}"),
            ("oracle, gap to it", f"{_show(self.oracle_accuracy)}, {_show(self.oracle_gap)}"),
            ("matched, recovered", f"{_show(self.matched)}, {_show(self.recovered)}"),
            ("false positives", f"{self.false_positives} ({_show(self.false_positive_rate)} of the estimates)"),
            ("spatial cosine", f"{_show(self.spatial_cosine)} (median)"),
            ("trace correlation", f"{_show(self.trace_correlation)} (median)"),
            ("splits, merges, duplicates", f"{self.splits}, {self.merges}, {self.duplicates}"),
            ("residual energy", _show(self.residual_energy)),
            *([] if self.events is None else self.events.rows()),
        ]

    def to_json(self) -> str:
        """The scores as JSON; NaN becomes null."""
        return json.dumps(_plain(asdict(self)), indent=2) + "\n"


def evaluate(result: DemixResult, truth: DemixResult) -> Evaluation:
    """Score an estimate against a truth.

    The truth may be another program's output (agreement instead of truth) and may lack traces; the result may lack its movie.

    Raises:
        UserError: frames or sizes differ.
    """
    if result.shape != truth.shape:
        raise UserError(
            f"the result has (T, Y, X) = {result.shape}, the truth {truth.shape}; evaluate a result against the truth of the same movie"
        )
    found, true = result.cells, truth.cells
    notes: list[str] = []
    overlap = match.mask_overlap(true, found)
    cosine = match.spatial_cosine(true, found)
    timed = found.traces is not None and true.traces is not None
    if not timed:
        notes.append("no traces on one side: pairs were made by footprint alone, temporal scores are missing")
    similarity = match.trace_cosine(true.traces, found.traces) if timed else cosine  # type: ignore[arg-type]
    order = np.argsort(-match.brightness(true), kind="stable")
    near = cosine >= SPATIALLY_SIMILAR
    partner = match.recover(order, near, similarity)
    read = dict.fromkeys(("raw", "denoised"), NAN)
    if timed and result.signals is not None and len(result.signals) == len(found):
        for name in read:
            read[name] = _accuracy(order, near, match.trace_cosine(true.traces, getattr(result.signals, name)))  # type: ignore[arg-type]

    cells, pairs = np.arange(len(true)), partner != match.NOBODY
    temporal = np.where(pairs, similarity[cells, partner], 0) if len(found) else np.zeros(len(true))
    spare = np.setdiff1d(np.arange(len(found)), partner)
    duplicates = _duplicates(match.mask_overlap(found, found).iou, partner[pairs], spare)
    oracle, excuse = _oracle(result, truth)
    notes += excuse
    events = None
    if result.events is not None or truth.events is not None:
        sides = (result.events, truth.events)
        events = EventEvaluation.of(*(EventTable.empty(result.shape[1:]) if one is None else one for one in sides))
        notes += [f"the {side} lists no events" for side, one in zip(("result", "truth"), sides, strict=True) if one is None]
    accuracy = _mean(temporal) if timed else NAN
    return Evaluation(
        true_cells=len(true),
        found_cells=len(found),
        strict=_detection(overlap.iou, 0.5),
        loose=_detection(overlap.iou, 0.2),
        recovery_accuracy=accuracy,
        raw_accuracy=read["raw"],
        denoised_accuracy=read["denoised"],
        matched=_mean(pairs),
        recovered=_mean(pairs & (temporal >= TEMPORALLY_SIMILAR)) if timed else NAN,
        false_positives=len(spare),
        false_positive_rate=_ratio(len(spare), len(found)),
        spatial_cosine=_median(cosine[cells[pairs], partner[pairs]]),
        trace_correlation=_median(temporal[pairs]) if timed else NAN,
        oracle_accuracy=oracle,
        oracle_gap=oracle - accuracy,
        splits=_splits(overlap.inside, pairs, np.setdiff1d(spare, duplicates)),
        merges=_merges(overlap.covered, pairs),
        duplicates=len(duplicates),
        residual_energy=residual_fraction(result),
        partner=tuple(partner.tolist()),
        similarity=tuple(temporal.tolist()) if timed else (NAN,) * len(true),
        events=events,
        notes=tuple(notes),
    )


def _accuracy(order: np.ndarray, near: np.ndarray, similarity: np.ndarray) -> float:
    """Recovery accuracy of (M, K) similarities."""
    partner = match.recover(order, near, similarity)
    pairs = np.flatnonzero(partner != match.NOBODY)
    return float(similarity[pairs, partner[pairs]].sum()) / len(partner) if len(partner) else NAN


def _detection(iou: np.ndarray, threshold: float) -> Detection:
    hits = int((match.assign(iou, threshold) != match.NOBODY).sum())
    true, found = iou.shape
    return Detection(threshold, hits, _ratio(hits, found), _ratio(hits, true), _ratio(2 * hits, true + found))


def _duplicates(iou: np.ndarray, taken: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """Estimates that nobody took and that lie on a taken one."""
    return spare[(iou[np.ix_(spare, taken)] >= HALF).any(axis=1)]


def _splits(inside: np.ndarray, matched: np.ndarray, pieces: np.ndarray) -> int:
    """True cells with two or more pieces; each spare piece belongs to the one true cell that holds most of it."""
    count = matched.astype(int)
    if len(inside):
        home = inside[:, pieces].argmax(axis=0)
        np.add.at(count, home[inside[home, pieces] >= HALF], 1)
    return int((count >= 2).sum())


def _merges(covered: np.ndarray, matched: np.ndarray) -> int:
    mostly = covered >= HALF
    return int(((mostly.sum(axis=0) >= 2) & mostly[~matched].any(axis=0)).sum())


def _oracle(result: DemixResult, truth: DemixResult) -> tuple[float, list[str]]:
    if result.movie is None:
        return NAN, ["the result holds no compressed movie: no oracle, no residual energy"]
    if truth.cells.traces is None:
        return NAN, ["the truth holds no traces: no oracle"]
    traces = oracle_traces(result.movie, truth)
    pairs = zip(traces, truth.cells.traces, strict=True)
    return _mean(np.array([match.trace_cosine(one[None], other[None])[0, 0] for one, other in pairs])), []


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else NAN


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else NAN


def _show(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
