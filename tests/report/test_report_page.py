"""The page: whole, self-contained, readable without cells, and with the numbers in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.judge.evaluate import evaluate
from detectnmf.report import sections, write_report
from detectnmf.report.page import report_page

VOID = {"meta", "input", "img", "br", "link"}


class Reader(HTMLParser):
    """Collects tags and text, and notes every tag that does not close."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.text, self.errors = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.addresses += [value for key, value in attrs if key in ("src", "href", "action", "data", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(tag)

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def page(result):
    return report_page(result)


def test_page_is_well_formed_and_needs_nothing_else(page):
    reader = read(page)
    assert reader.errors == [] and reader.open == []
    assert reader.addresses and all(address.startswith(("data:image/", "#")) for address in reader.addresses)
    assert "script" not in dict(reader.tags) and "url(" not in page and "@import" not in page
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {address[1:] for address in reader.addresses if address.startswith("#")} <= set(ids)
    assert len(page) < 1_500_000


def test_page_holds_the_numbers(page):
    words = read(page).words
    for known in (
        "4 cells found",
        "20×32",
        "40 × 64 µm",
        "300 frames",
        "at 10 Hz",
        "5.5 px",
        "11 µm",
        "91 s taken",
        "1.5 GB",
        "rank 8",
        "61 s",
    ):
        assert known in words, known
    assert "toy <movie>" in words and "somewhere/<toy> & co.tif" in words and "3 < 4 pixels masked" in words  # escaped in the source
    assert "min_snr: 3.0" in words and "a: null" in words
    assert "4 cells, of which 0.3 are expected to be none" in words
    assert "2 components were not kept (probability 1, probability + snr 1)" in words


def test_page_draws_every_cell_on_all_images(page):
    reader = read(page)
    paths = [attrs for tag, attrs in reader.tags if tag == "path"]
    assert [("stroke-dasharray" in attrs) for attrs in paths] == [False] * 4 + [True] * 2  # what was not kept is dashed
    assert len([1 for tag, attrs in reader.tags if tag == "image" and attrs["href"].startswith("data:image/png")]) == 4
    drawings = {attrs["alt"] for tag, attrs in reader.tags if tag == "img"}
    assert {"Best cells", "Worst cells", "heat map of all traces", "noise and rank maps", "objective over the iterations"} <= drawings
    assert "cell 1 · p 0.76 · SNR 3.2" in reader.words and "not kept 0 · p 0.11 · SNR 2.5 · probability, snr" in reader.words


def test_what_was_not_kept_can_be_hidden_and_is_listed(page, result):
    reader = read(page)
    boxes = {attrs["id"] for tag, attrs in reader.tags if tag == "input" and attrs["type"] == "checkbox"}
    assert boxes == {"show-outlines", "show-numbers", "show-rejected"} == {a["for"] for t, a in reader.tags if t == "label"} & boxes
    assert "Table of what was not kept" in reader.words and "probability, snr" in reader.words
    without = replace(result, rejected=Components.empty(result.cells.size, 300), rejected_quality={})
    plain = read(report_page(without))
    assert "not kept" not in plain.words and plain.errors == [] and plain.open == []
    assert "show-rejected" not in {attrs.get("id") for _, attrs in plain.tags}


def test_share_explained_is_the_residual_energy(page, result):
    left = evaluate(result, result).residual_energy
    assert 0.05 < left < 0.9
    words = read(page).words
    assert f"{100 * left:.1f} %" in words and f"{100 * (1 - left):.0f} % explained" in words


def test_no_cells_gives_help(result):
    nobody = Components.empty(result.cells.size, 300)
    none = replace(result, cells=nobody, quality={name: v[:0] for name, v in result.quality.items()})
    reader = read(report_page(none))
    assert reader.errors == [] and reader.open == []
    assert "No cells: what to try" in reader.words and "judge.fdr=0.3" in reader.words and "It was 5.5 px here." in reader.words
    assert "found no signal above the noise" not in reader.words
    assert "The run went through, but 2 components were not kept (probability 1, probability + snr 1)." in reader.words
    assert "but nothing was found." in read(report_page(replace(none, rejected=nobody, rejected_quality={}))).words
    still = replace(none, movie=none.movie.with_V(0 * none.movie.V), background=none.background.with_V(0 * none.background.V))
    assert "found no signal above the noise" in read(report_page(still)).words


def test_bare_result_still_gives_a_page(result):
    bare = replace(result, movie=None, quality={}, history={}, provenance={})
    reader = read(report_page(bare))
    assert reader.errors == [] and "4 cells found" in reader.words and "baseline" in reader.words
    seeds = replace(bare, cells=Components(result.cells.footprints, result.cells.size))
    assert "All traces" not in read(report_page(seeds)).words


def test_rank_zero_movie(result):
    size = result.cells.size
    flat = Compressed.from_factors(np.zeros((640, 0)), np.zeros((0, 300)), np.ones(size))
    empty = replace(
        result, cells=Components.empty(size, 300), movie=flat, background=flat, quality={}, history={"objective": np.array([np.nan])}
    )
    assert "found no signal above the noise" in read(report_page(empty)).words


def test_signals_are_shown(result, signals):
    reader = read(report_page(replace(result, signals=signals)))
    assert reader.errors == [] and "denoised trace; in black below, inferred events; in grey behind" in reader.words
    assert "inferred events" not in read(report_page(result)).words


def test_scores_are_shown(result):
    words = read(report_page(result, evaluate(result, result))).words
    assert "Against the truth" in words and "F1 at IoU 0.5 1.000" in words and "recovery accuracy 1.000" in words


def test_file_is_written_whole_and_the_same_twice(result, page, tmp_path):
    write_report(result, tmp_path / "new" / "report.html")
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == page
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*report\.html"):
        write_report(result, tmp_path / "file" / "report.html")


def test_ranking_and_cuts(result):
    assert sections.ranking(result).tolist() == [3, 0, 2, 1]
    scored = replace(result, quality={}, cells=replace(result.cells, score=np.array([0.1, 0.4, 0.3, 0.2])))
    assert sections.ranking(scored).tolist() == [1, 2, 3, 0]
    disk = np.pi * 5.5**2 / 4
    assert sections.cuts(result) == {
        "probability": [0.2],
        "snr": [3.0],
        "residual_correlation": [0.2],
        "area": pytest.approx([0.1 * disk, 10 * disk]),
    }
    assert sections.cuts(replace(result, provenance={"config": "text"})) == {}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.1234, "0.12 s"), (9, "9 s"), (61, "61 s"), (150, "2 min 30 s"), (1200, "20 min"), (7260, "2 h 1 min")]
)
def test_durations(seconds, words):
    assert sections.duration(seconds) == words


def test_numbers_of_cells_stand_at_their_centres(page, result):
    y, x = result.cells.centers[3]
    found = re.search(r'<text x="([\d.]+)" y="([\d.]+)">3</text>', page)
    assert (float(found[1]), float(found[2])) == pytest.approx((x + 0.5, y + 0.5), abs=0.051)


def test_seeds_are_shown_step_by_step_where_they_are_known(result, page):
    assert "Seeds" not in read(page).words
    told = read(report_page(replace(result, seeding={"cleansing: pooling": np.array([5, 40, 77]), "superpixels": np.zeros(0, np.int64)})))
    assert "3 by cleansing: pooling, 0 by superpixels" in told.words and not told.errors
