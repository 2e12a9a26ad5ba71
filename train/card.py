"""A checkpoint's card as a page: what it was trained on and what it scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_card(card: dict[str, Any], path: Path) -> None:
    """Write the card as Markdown."""
    score = card["validation"]
    rows = zip(score["confidence"], score["precision"], score["recall"], score["f1"], strict=True)
    lines = [
        f"# {path.stem}",
        "",
        "A Mask R-CNN that finds cells in single sparsened frames, trained on simulated movies alone.",
        "",
        f"Trained by detectnmf {card['detectnmf']} (torch {card['torch']}, Python {card['python']}) on {card['device']}, "
        f"{card['threads']} threads, in {card['seconds'] / 60:.0f} minutes; seed {card['seed']}.",
        "",
        "## Score",
        "",
        f"Single crops of {card['training']['validation']} movies that training never saw; mask IoU 0.5, one-to-one.",
        "",
        "| confidence | precision | recall | F1 |",
        "|---|---|---|---|",
        *(f"| {c:.1f} | {p:.3f} | {r:.3f} | {f:.3f} |" for c, p, r, f in rows),
        "",
        "## Drawn for every movie, from … to",
        "",
        "| knob | from | to |",
        "|---|---|---|",
        *(f"| `{knob}` | {low} | {high} |" for knob, (low, high) in card["ranges"].items()),
        "",
        "## Fixed",
        "",
        *(f"- {name}: `{value}`" for name, value in card["simulator"].items()),
        *(f"- {name}: `{card[name]}`" for name in ("compress", "sparsen", "labels", "training")),
        "",
    ]
    path.write_text("\n".join(lines))
