"""The contents of the page, section by section: each function takes the result and gives HTML, or nothing."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from detectnmf.components import Components
from detectnmf.report import figures
from detectnmf.report.encode import grey, svg
from detectnmf.report.images import Pictures
from detectnmf.report.outlines import LEVEL, colour, field_of_view
from detectnmf.result import DemixResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from detectnmf.judge.evaluate import Evaluation

ROWS = 1000  # of a table of cells
CUTS = ("probability", "snr", "residual_correlation")  # measures of which the judge may ask a least value


def header(result: DemixResult, pictures: Pictures | None) -> str:
    known = result.provenance
    frames, rows, columns = result.shape
    um = result.pixel_size
    timings = known.get("timings") or {}
    tiles = [
        (str(len(result.cells)), "cell found" if len(result.cells) == 1 else "cells found", ""),
        (f"{rows}×{columns}", f"pixels of {_number(um)} µm", f"{_number(rows * um)} × {_number(columns * um)} µm"),
        (duration(frames / result.rate), f"{frames} frames", f"at {_number(result.rate)} Hz"),
    ]
    if result.events is not None:
        tiles[0] = (str(len(result.events)), "event found" if len(result.events) == 1 else "events found", "")
    if known.get("diameter"):
        tiles.append((f"{_number(float(known['diameter']))} px", "cell diameter", f"{_number(float(known['diameter']) * um)} µm"))
    if pictures is not None:
        tiles.append((f"{100 * (1 - pictures.share(pictures.after)):.0f} %", "explained", "of the fluctuation"))
    if timings:
        tiles.append((duration(sum(map(float, timings.values()))), "taken", f"on {escape(str(known.get('device', 'this machine')))}"))
    if known.get("peak_memory"):
        tiles.append((memory(known["peak_memory"]), "peak memory", ""))
    cards = "".join(
        f'<div class="tile"><b>{big}</b><span>{label}</span>{f"<em>{small}</em>" if small else ""}</div>' for big, label, small in tiles
    )
    source = escape(str(known.get("input") or ""))
    return f"""<header><p class="eyebrow">detectnmf report</p><h1>{escape(result.name)}</h1>
<p class="muted">{source}</p><div class="tiles">{cards}</div></header>"""


def no_cells(result: DemixResult, pictures: Pictures | None) -> str:
    """What to try when there is nothing to show."""
    if len(result.cells):
        return ""
    still = pictures is not None and not pictures.before.any()
    advice = [
        "Is the cell size right? Give it: <code>diameter=12</code> (px). It was "
        + (f"{_number(float(result.provenance['diameter']))} px here." if result.provenance.get("diameter") else "not recorded here."),
        "Do you see cells in the maximum or the correlation image below? Then lower the cut: <code>judge.fdr=0.3</code>, "
        "<code>judge.min_probability=0</code>, <code>judge.min_snr=2</code>.",
        "Is the frame rate right? A wrong rate makes transients look too slow or too fast.",
        "Are the axes right? Frames, rows and columns stand at the top of this page.",
    ]
    if still:
        advice.insert(0, "Compression found no signal above the noise anywhere: the recording is too noisy, too short, or still.")
    items = "".join(f"<li>{line}</li>" for line in advice)
    lost = f"but {not_kept(result)}" if len(result.rejected) else "but nothing was found"
    return f'<section class="help"><h2>No cells: what to try</h2><p>The run went through, {lost}.</p><ul>{items}</ul></section>'


def scores(evaluation: Evaluation | None) -> str:
    """The scores against a truth, when there is one."""
    if evaluation is None:
        return ""
    rows = [
        (f"F1 at IoU {d.threshold}", f"{d.f1:.3f} (precision {d.precision:.3f}, recall {d.recall:.3f})")
        for d in (evaluation.strict, evaluation.loose)
    ]
    rows += evaluation.rows()
    half = -(-len(rows) // 2)
    tables = "".join(
        f"<table>{''.join(f'<tr><td>{escape(a)}</td><td class=n>{escape(b)}</td></tr>' for a, b in part)}</table>"
        for part in (rows[:half], rows[half:])
    )
    return section(
        "Against the truth", f"{evaluation.found_cells} found, {evaluation.true_cells} true cells.", f'<div class="pair">{tables}</div>'
    )


def view(result: DemixResult, pictures: Pictures | None) -> str:
    if pictures is None:
        together = np.asarray(result.cells.footprints.sum(axis=1)).reshape(result.cells.size)
        first, images = "baseline", {"baseline": grey(result.baseline), "footprints": grey(together)}
    else:
        every = {"rise over noise": pictures.rise, "mean": pictures.mean, "maximum": pictures.maximum, "correlation": pictures.correlation}
        first, images = "rise over noise", {name: grey(image) for name, image in every.items()}
    caption = f"Contours at {LEVEL:.0%} of each footprint's maximum; number k is <code>result.cells[k]</code>." if len(result.cells) else ""
    if pictures is not None:
        caption += " Rise over noise: the highest value above the mean, in units of the pixel's noise."
    if pictures is not None and pictures.frames < result.shape[0]:
        caption += f" Pictures from {pictures.frames} evenly spread frames."
    return section("Field of view", caption, field_of_view(result, images, first))


def best_and_worst(result: DemixResult, raw: np.ndarray | None, chosen: np.ndarray) -> str:
    """The cells that stand best and worst; `raw` belongs to `chosen`, best first."""
    if not len(chosen) or result.cells.traces is None:
        return ""
    half = -(-len(chosen) // 2)
    parts = {"Best": slice(0, half), "Worst": slice(half, None)} if len(chosen) > 3 else {"": slice(None)}
    columns = ""
    for title, piece in parts.items():
        figure = figures.cells(result, chosen[piece], None if raw is None else raw[piece], 5.9 if title else 12)
        columns += f"<div>{f'<h3>{title}</h3>' if title else ''}{picture(figure, f'{title} cells'.strip())}</div>"
    read = raw is not None and result.signals is not None and result.events is None
    caption = "Footprint and " + ("denoised trace; in black below, inferred events" if read else "trace")
    caption += "" if raw is None else "; in grey behind, the movie's own trace at that footprint, all else subtracted"
    ranked = (
        "signal to noise and residual correlation r (with the movie minus all other cells)"
        if "snr" in result.quality
        else "the finder's score"
    )
    caption += f". Ranked by {ranked}."
    return section("Best and worst cells", caption, f'<div class="pair">{columns}</div>')


def activity(result: DemixResult) -> str:
    if not len(result.cells) or result.cells.traces is None:
        return ""
    caption = "Every trace from its own median (white) to its own maximum (dark), alike ones beside each other."
    return section("All traces", caption, picture(figures.heatmap(result), "heat map of all traces"))


def quality(result: DemixResult) -> str:
    some = len(result.cells) + len(result.rejected)
    figure = figures.histograms(result.quality, cuts(result), result.rejected_quality) if some else None
    if figure is None:
        return ""
    caption = f"{len(result.cells)} cell{'s' * (len(result.cells) != 1)}"
    if "probability" in result.quality and len(result.cells):
        false = float(np.sum(1 - result.quality["probability"]))
        caption += f", of which {_number(false)} are expected to be none (probabilities are calibrated on simulated movies)"
    caption += "; dashed lines where the judge cuts."
    if len(result.rejected):
        caption += f" In grey, and dashed in the field of view: {not_kept(result)}."
    tables = _table(result.cells, result.quality, "Table of all cells", "cell")
    tables += _table(result.rejected, result.rejected_quality, "Table of what was not kept", "not kept")
    return section("Quality", caption, picture(figure, "histograms of quality measures") + tables)


def explained(result: DemixResult, pictures: Pictures | None) -> str:
    if pictures is None:
        return ""
    shares = [("cells", pictures.cells), ("background", pictures.background), ("left over", pictures.after)]
    meters = "".join(_meter(name, pictures.share(part), f"{100 * pictures.share(part):.1f} %") for name, part in shares)
    caption = (
        "Share of the denoised movie's fluctuation, in units of noise; parts that move together need not add up to 100 %."
        " Below: the deviation over time of each part, all on one scale."
    )
    body = f'<div class="meters">{meters}</div>{picture(figures.explained(pictures), "energy of movie, cells, background and residual")}'
    return section("What is explained", caption, body)


def compression(result: DemixResult) -> str:
    figure, movie = figures.maps(result), result.movie
    if figure is None or movie is None:
        return ""
    frames, rows, columns = movie.shape
    dense, kept = frames * rows * columns, 2 * movie.U.nnz + movie.V.numel()  # a sparse value and its place
    facts = {
        "rank": str(movie.rank),
        "size": f"1/{max(dense / max(kept, 1), 1):.0f} of the movie",
        "median noise": _number(float(np.median(movie.std))),
    }
    for name, bad in (("masked frames", movie.bad_frames), ("masked pixels", movie.bad_pixels)):
        if bad is not None:
            facts[name] = str(int(bad.sum()))
    table = "".join(f"<tr><td>{name}</td><td class=n>{value}</td></tr>" for name, value in facts.items())
    caption = "Cells can only be found where components were kept. Noise is in the recording's own units."
    body = f'<div class="two-one">{picture(figure, "noise and rank maps")}<div><table>{table}</table></div></div>'
    return section("Noise and compression", caption, body)


def course(result: DemixResult) -> str:
    timings = {str(k): float(v) for k, v in (result.provenance.get("timings") or {}).items()}
    figure = figures.convergence(result.history)
    if not timings and figure is None:
        return ""
    longest = max(timings.values(), default=1) or 1
    meters = "".join(_meter(stage, seconds / longest, duration(seconds)) for stage, seconds in timings.items())
    left = f'<div><h3>Time of each stage</h3><div class="meters">{meters}</div></div>' if timings else ""
    revised = "<p class=caption>Open dots: supports, cells or background were revised, so that the objective may rise.</p>"
    right = f"<div class=narrow>{picture(figure, 'objective over the iterations')}{revised}</div>" if figure is not None else ""
    return section("How the run went", "", f'<div class="pair">{left}{right}</div>')


def settings(result: DemixResult) -> str:
    known = result.provenance
    notes = "".join(f"<li>{escape(str(note))}</li>" for note in known.get("notes") or [])
    noted = f"<ul>{notes}</ul>" if notes else '<p class="muted">Nothing was assumed and nothing was masked.</p>'
    config = known.get("config")
    body = f'<div style="margin-bottom:18px">{noted}</div>'
    facts = {key: known[key] for key in ("version", "seed", "device", "input", "hash") if known.get(key) is not None}
    if facts:
        body += "<details><summary>Provenance</summary>" + f"<pre>{escape(plain_yaml(facts))}</pre></details>"
    if config:
        text = config if isinstance(config, str) else plain_yaml(config)
        body += f"<details><summary>All settings</summary><pre>{escape(text)}</pre></details>"
    return section("Notes and settings", "What was assumed or repaired on the way, and with which settings the run was made.", body)


def ranking(result: DemixResult) -> np.ndarray:
    """Cells from best to worst: mean rank of signal to noise and residual correlation, else the finder's score."""
    measures = [result.quality[name] for name in ("snr", "residual_correlation") if name in result.quality]
    ranks = [np.argsort(np.argsort(-np.nan_to_num(values), kind="stable")) for values in measures or [np.asarray(result.cells.score)]]
    return np.argsort(np.sum(ranks, axis=0), kind="stable")


def not_kept(result: DemixResult) -> str:
    """How many components the judge did not keep, and how often for which reason."""
    count = len(result.rejected)
    words, counts = np.unique(np.asarray(result.rejected_quality.get("reason", []), str), return_counts=True)
    why = ", ".join(f"{word.replace('_', ' ').replace('+', ' + ')} {number}" for word, number in zip(words, counts, strict=True))
    return f"{count} component{'s were' if count != 1 else ' was'} not kept" + (f" ({escape(why)})" if why else "")


def cuts(result: DemixResult) -> dict[str, list[float]]:
    """Where the judge cut, from the settings of the run."""
    config = result.provenance.get("config")
    judge = config.get("judge") if isinstance(config, dict) else None
    if not isinstance(judge, dict):
        return {}
    lines = {name: [float(judge[f"min_{name}"])] for name in CUTS if judge.get(f"min_{name}") is not None}
    if result.provenance.get("diameter") and "min_area" in judge and "max_area" in judge:
        disk = np.pi * float(result.provenance["diameter"]) ** 2 / 4
        lines["area"] = [float(judge["min_area"]) * disk, float(judge["max_area"]) * disk]
    return lines


def duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(peak: Any) -> str:
    """Bytes as MB or GB; a text stays as it is."""
    if not isinstance(peak, (int, float)):
        return escape(str(peak))
    return f"{peak / 1e9:.1f} GB" if peak >= 1e9 else f"{peak / 1e6:.0f} MB"


def plain_yaml(value: Any, indent: int = 0) -> str:
    """Nested dicts and lists as YAML-like text."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{k}:{_inner(v, indent)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "".join(f"{pad}-{_inner(v, indent)}" for v in value)
    return f"{pad}{value}\n"


def _inner(value: Any, indent: int) -> str:
    if isinstance(value, (dict, list, tuple)) and value:
        return "\n" + plain_yaml(value, indent + 1)
    return f" {'null' if value is None else value}\n"


def _table(cells: Components, quality: dict[str, np.ndarray], title: str, what: str) -> str:
    """All measures of all cells, folded away."""
    if not len(cells):
        return ""
    names = [name for name in figures.TITLES if name in quality]
    why = [str(word).replace("_", " ").replace("+", ", ") for word in quality["reason"]] if "reason" in quality and what != "cell" else None
    head = "".join(f"<th class=n>{escape(word)}</th>" for word in ["row", "column", *(figures.TITLES[name] for name in names)])
    head += "<th>reason</th>" if why else ""
    lines = []
    for cell, centre in enumerate(cells.centers[:ROWS]):
        values = [f"{centre[0]:.1f}", f"{centre[1]:.1f}", *(f"{float(quality[name][cell]):.3g}" for name in names)]
        row = "".join(f"<td class=n>{value}</td>" for value in values) + (f"<td>{escape(why[cell])}</td>" if why else "")
        dot = f'<span class="dot" style="background:{colour(cell) if what == "cell" else "#cbd5e1"}"></span>'
        lines.append(f"<tr><td>{dot}{cell}</td>{row}</tr>")
    more = f" (the first {ROWS})" if len(cells) > ROWS else ""
    table = f'<div class="scroll"><table><tr><th>{what}</th>{head}</tr>{"".join(lines)}</table></div>'
    return f'<details style="margin-top:16px"><summary>{title}{more}</summary>{table}</details>'


def _meter(name: str, share: float, text: str) -> str:
    width = 100 * min(max(share, 0), 1)
    return f'<span>{escape(name)}</span><div class="meter"><i style="width:{width:.1f}%"></i></div><span class="n">{text}</span>'


def picture(figure: Figure, words: str) -> str:
    """A drawing as wide as the page; `words` for those who cannot see it."""
    return f'<div class="wide"><img alt="{escape(words)}" src="{svg(figure)}"></div>'


def section(title: str, caption: str, body: str) -> str:
    """A part of the page."""
    text = f'<p class="caption">{caption}</p>' if caption else ""
    return f"<section><h2>{title}</h2>{text}{body}</section>"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
