"""A seed classifier's card as a page: what it was trained on and what it scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_card(card: dict[str, Any], path: Path) -> None:
    """Write the card as Markdown."""
    network, trace, window = card["network"], card["test"]["trace"], card["test"]["window"]
    own = f" and on a user's own traces ({card['traces']})" if card["traces"] else " alone"
    lines = [
        f"# {path.stem}",
        "",
        f"A seed classifier ({network['cell'].upper()}, {network['layers']} × {network['hidden']} units) that reads 10 s of a trace at "
        f"10 Hz and tells a calcium event, its peak in the middle, from everything else; trained on simulated traces{own}.",
        "",
        f"Trained by detectnmf {card['detectnmf']} (torch {card['torch']}, Python {card['python']}) on {card['device']}, "
        f"{card['threads']} threads, in {card['seconds'] / 60:.0f} minutes; seed {card['seed']}.",
        "",
        "## Score",
        "",
        f"{trace['traces']} simulated traces of 60 to 120 s that training never saw, all of them under noise and some under drift, "
        "movement, blips, neuropil, light and interference. SNR is the median height of a trace's events over the standard deviation of "
        "all else in it, as recorded. A trace is kept if any window is called an event.",
        "",
        f"Cells of SNR 2 and more against all that is none: balanced accuracy {trace['balanced_accuracy']:.3f}, area under the curve "
        f"{trace['auc']:.3f}; specificity {trace['specificity']:.3f}. Calibration error of the score, over all cells: "
        f"{trace['calibration_error']:.3f}.",
        "",
        "| SNR | cells | sensitivity | balanced accuracy |",
        "|---|---|---|---|",
        *(
            f"| {row['snr'][0]:g} to {row['snr'][1]:g} | {row['cells']} | {row['sensitivity']:.3f} | {row['balanced']:.3f} |"
            for row in trace["by_snr"]
        ),
        "",
        "Single windows, area under the curve: "
        + ", ".join(
            [f"{window['auc']:.3f} for all events"]
            + [f"{window[f'auc_from_{n}']:.3f} for those of {n} units of noise at 10 Hz and more" for n in (2, 4, 8)]
        )
        + ".",
        "",
        f"![ROC, reliability, sensitivity against SNR, example windows]({path.stem}.png)",
        "",
        "## Drawn, from … to",
        "",
        "| knob | from | to |",
        "|---|---|---|",
        *(f"| `{knob}` | {low} | {high} |" for knob, (low, high) in card["ranges"].items()),
        *(f"| `training.firing.{knob}` | {low} | {high} |" for knob, (low, high) in card["firing"].items()),
        f"| `training.snr` | {card['snr'][0]} | {card['snr'][1]} |",
        "",
        "## Fixed",
        "",
        *(f"- trace model {name}: `{value}`" for name, value in card["indicators"].items()),
        *(f"- {name}: `{card[name]}`" for name in ("cutting", "training", "calibration")),
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
