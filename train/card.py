"""A checkpoint's card as a page: what it was trained on and what it scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_card(card: dict[str, Any], path: Path) -> None:
    """Write the card as Markdown."""
    test, calibration = card["test"], card["calibration"]
    lines = [
        f"# {path.stem}",
        "",
        "A Mask R-CNN that finds cells in single sparsened frames, trained on simulated movies alone.",
        "",
        f"Trained by detectnmf {card['detectnmf']} (torch {card['torch']}, Python {card['python']}) on {card['device']}, "
        f"{card['threads']} threads, in {card['seconds'] / 60:.0f} minutes, {card['date']}; seed {card['seed']}; "
        f"the best of its scores was at step {card['steps_done']}.",
        "",
        "## Score",
        "",
        f"{test['cells']} cells in single crops of {card['training']['test']} movies that neither training nor the choice of weights saw; "
        "one-to-one, mask IoU 0.5. "
        f"Average precision {test['ap50']:.3f} at IoU 0.5, {test['ap75']:.3f} at 0.75. Expected calibration error of the confidence "
        f"{test['ece']:.3f} (a logistic with slope {calibration['slope']:.2f} and offset {calibration['offset']:.2f}, "
        "fitted on other movies).",
        "",
        _table(
            ("confidence", "precision", "recall", "F1"), zip(*(test[k] for k in ("confidence", "precision", "recall", "f1")), strict=True)
        ),
        "",
        "At confidence 0.5:",
        "",
        _table(("R_c from", "cells", "precision", "recall"), test["by_density"]),
        "",
        _table(("peak SNR from", "cells", "recall"), test["by_snr"]),
        "",
        f"![hits, misses and false alarms]({path.stem}.png)",
        "",
        "## Movies",
        "",
        "Drawn for every movie, from … to:",
        "",
        _ranges(card["kinds"]),
        "",
    ]
    for name, kind in card["kinds"].items():
        lines += [
            f"### {name}",
            "",
            f"Share {kind['share']:g}.",
            "",
            *(f"- {part}: `{value}`" for part, value in kind["parts"].items()),
            "",
        ]
    lines += ["## Fixed", "", *(f"- {name}: `{card[name]}`" for name in ("enhance", "compress", "sparsen", "labels", "training")), ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def _ranges(kinds: dict[str, Any]) -> str:
    knobs = list(dict.fromkeys(knob for kind in kinds.values() for knob in kind["ranges"]))

    def ends(kind: dict[str, Any], knob: str) -> str:
        low_high = kind["ranges"].get(knob)
        return "" if low_high is None else f"{low_high[0]:g} … {low_high[1]:g}"

    return _table(("knob", *kinds), [[f"`{knob}`", *(ends(kind, knob) for kind in kinds.values())] for knob in knobs])


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, ["---"] * len(head), *([f"{v:g}" if isinstance(v, float) else str(v) for v in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
