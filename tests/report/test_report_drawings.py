"""Pictures equal their dense counterparts; outlines and drawings hold what they should."""

import base64
import struct
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from detectnmf.components import Components
from detectnmf.report import encode, figures, images, outlines
from detectnmf.traces.project import raw_traces

STD = 2.0


def variance(parts):
    return ((parts - parts.mean(0)) ** 2).mean(0)


@pytest.fixture(scope="module")
def pictures(result):
    return images.summarise(result)


def test_pictures_equal_the_dense_movie(result, parts, pictures):
    A, C, haze, drift, rest, flicker = parts
    dense = result.movie[:]
    np.testing.assert_allclose(pictures.mean, dense.mean(0), atol=1e-3)
    np.testing.assert_allclose(pictures.maximum, dense.max(0), atol=1e-3)
    np.testing.assert_allclose(pictures.rise, (dense.max(0) - dense.mean(0)) / STD, atol=1e-3)
    for part, known in ((pictures.cells, A @ C), (pictures.background, haze @ drift), (pictures.after, rest @ flicker)):
        np.testing.assert_allclose(part, variance((known / STD).T).reshape(part.shape), atol=1e-4)
    np.testing.assert_allclose(pictures.before, variance(dense / STD), atol=1e-4)
    assert pictures.share(pictures.after) == pytest.approx(pictures.after.sum() / pictures.before.sum())
    assert pictures.frames == 300


def test_correlation_image_is_the_mean_over_neighbours(result, pictures):
    movie = result.movie[:] / STD
    movie = movie - movie.mean(0)
    power = variance(movie) + 0.25  # the floor's square

    def pair(one, other):
        return (movie[:, *one] * movie[:, *other]).mean() / np.sqrt(power[one] * power[other])

    inner = np.mean([pair((5, 5), near) for near in ((4, 5), (6, 5), (5, 4), (5, 6))])
    corner = np.mean([pair((0, 0), near) for near in ((1, 0), (0, 1))])
    assert pictures.correlation[5, 5] == pytest.approx(inner, abs=1e-4)
    assert pictures.correlation[0, 0] == pytest.approx(corner, abs=1e-4)
    assert pictures.correlation[5, 5] > 0.6 > 0.3 > pictures.correlation[18, 1]


def test_chunks_do_not_matter_and_long_movies_are_thinned(result, pictures, monkeypatch):
    monkeypatch.setattr(images, "CHUNK_BYTES", 4 * 640 * 7)
    small = images.summarise(result)
    np.testing.assert_allclose(small.after, pictures.after, atol=1e-5)
    np.testing.assert_allclose(small.correlation, pictures.correlation, atol=1e-5)
    thin = images.summarise(result, most_values=1)
    assert thin.frames == 150  # every second: at least 200 were asked for
    np.testing.assert_allclose(thin.maximum, result.movie[::2].max(0), atol=1e-3)


def test_raw_trace_is_the_projected_rest(result, parts):
    A, C, _, _, rest, flicker = parts
    raw = raw_traces(result, np.array([2, 0]))
    for row, cell in zip(raw, (2, 0), strict=True):
        a = A[:, cell]
        expected = C[cell] + a @ (rest @ (flicker - flicker.mean(1, keepdims=True))) / (a @ a)
        np.testing.assert_allclose(row, expected, atol=2e-3)


def test_contour_of_a_box_and_of_a_broken_cell():
    image = np.zeros((3, 12, 20), np.float32)
    image[0, 3:7, 5:11] = 1
    image[1, 0:2, 0:2] = image[1, 8:10, 15:20] = 1  # two pieces, both at the border
    lines = outlines.contours(Components.from_images(image), level=0.5)
    assert [len(line) for line in lines] == [1, 2, 0]
    box = lines[0][0]
    assert (box.min(0), box.max(0)) == (pytest.approx([5, 3]), pytest.approx([11, 7]))  # edges of the pixels, x before y
    assert np.allclose(box[0], box[-1])
    text = outlines.path(lines[1])
    assert text.count("M") == text.count("Z") == 2


def test_contours_leave_out_holes_and_crumbs():
    image = np.zeros((1, 20, 20), np.float32)
    image[0, 3:13, 3:13] = 1
    image[0, 7:9, 7:9] = 0.1  # a dark nucleus
    image[0, 17, 17] = 1
    (lines,) = outlines.contours(Components.from_images(image), level=0.5)
    assert len(lines) == 1 and lines[0].min() == pytest.approx(3, abs=0.1) and lines[0].max() == pytest.approx(13, abs=0.1)


def test_png_decodes_to_the_image():
    image = np.arange(15, dtype=np.uint8).reshape(3, 5)
    data = encode.png(image)
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT") + 4
    lines = np.frombuffer(zlib.decompress(data[start:-16]), np.uint8).reshape(height, width + 1)
    np.testing.assert_array_equal(lines[:, 1:], image)


def test_grey_shrinks_large_and_odd_images():
    rng = np.random.default_rng(0)
    image = rng.random((1601, 801))
    image[0, 0] = np.nan
    data = base64.b64decode(encode.grey(image, longest=400).split(",")[1])
    assert struct.unpack(">II", data[16:24]) == (160, 320)
    assert base64.b64decode(encode.grey(np.full((4, 4), 7.0)).split(",")[1])[:4] == b"\x89PNG"


def test_svg_keeps_text_in_the_pages_fonts(result):
    figure = figures.histograms(result.quality, {"snr": [3.0]})
    text = base64.b64decode(encode.svg(figure).split(",")[1]).decode()
    assert "signal to noise</text>" in text and "DejaVu" not in text and "Inter" in text
    lines = [line for axes in figure.axes for line in axes.lines]
    assert [line.get_xdata()[0] for line in lines] == [3.0]


def test_what_was_not_kept_stands_on_top_in_grey(result):
    axes = figures.histograms(result.quality, {}, result.rejected_quality).axes[1]
    assert axes.get_title(loc="left") == "signal to noise"
    kept, others = axes.containers
    assert [round(sum(bar.get_height() for bar in part)) for part in (kept, others)] == [4, 2]
    alone = figures.histograms({name: values[:0] for name, values in result.quality.items()}, {}, result.rejected_quality)
    assert alone.axes[0].get_title(loc="left") == "probability of a cell"


def test_long_traces_keep_their_transients(result):
    trace = np.zeros((1, 50_001), np.float32)
    trace[0, 31_234] = 7
    cells = Components(result.cells[0].footprints, result.cells.size, trace)
    figure = figures.cells(replace(result, cells=cells), np.array([0]), None)
    drawn = figure.axes[1].lines[0].get_ydata()
    assert len(drawn) <= 2 * figures.POINTS and drawn.max() == 7
    x = figure.axes[1].lines[0].get_xdata()[drawn.argmax()]
    assert x == pytest.approx(3123.4, abs=10)


def test_denoised_trace_and_spikes_stand_on_the_raw_trace(result, signals):
    axes = figures.cells(replace(result, signals=signals), np.array([2]), signals.raw[[2]]).axes[1]
    raw, denoised, spikes = (line.get_ydata() for line in axes.lines)
    np.testing.assert_array_equal(raw, signals.raw[2])
    np.testing.assert_allclose(denoised, signals.denoised[2] + 5, atol=0.3)
    seen = np.flatnonzero(signals.spikes[2] > 0.03 * signals.spikes[2].max())
    np.testing.assert_allclose(axes.lines[2].get_xdata()[::3], seen / result.rate)
    assert len(seen) == 3 and np.nanmax(spikes) < np.percentile(raw, 0.1)  # below the trace


def test_heatmap_puts_like_traces_together(result):
    rng = np.random.default_rng(1)
    two = np.maximum(rng.normal(size=(2, 300)), 0) ** 3
    group = np.array([0, 1, 0, 1, 1, 0, 0, 1])
    traces = (two[group] * rng.uniform(1, 9, (8, 1))).astype(np.float32)
    cells = Components.join([result.cells, result.cells])
    figure = figures.heatmap(replace(result, cells=replace(cells, traces=traces)))
    shown = np.asarray(figure.axes[0].images[0].get_array())
    same = [np.corrcoef(one, other)[0, 1] > 0.9 for one, other in pairwise(shown)]
    assert shown.shape == (8, 300) and same.count(False) == 1  # one border between the two groups


def test_masked_pixels_are_mapped(result):
    assert len(figures.maps(result).axes) == 4  # noise and rank, with their scales
    bad = np.zeros(result.cells.size, bool)
    bad[2:4] = True
    figure = figures.maps(replace(result, movie=replace(result.movie, bad_pixels=bad)))
    assert "masked pixels (64)" in {axes.get_title(loc="left") for axes in figure.axes}


def test_drawings_that_have_nothing_to_show(result):
    assert figures.histograms({}, {}) is None
    assert figures.convergence({"objective": np.array([1.0])}) is None
    assert figures.histograms({"snr": np.array([np.nan, np.inf])}, {}) is None
