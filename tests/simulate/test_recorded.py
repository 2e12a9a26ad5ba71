"""Recordings: read, resampled, looped; bad files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat
from scipy.ndimage import gaussian_filter1d

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.result import DemixResult
from detectnmf.simulate.traces.indicator import Indicator
from detectnmf.simulate.traces.recorded import Loop, Recorded, resting
from detectnmf.simulate.traces.recordings import Take, read


def attach(*cells):
    """CAttached as Cascade has it: cells of structs."""
    held = np.empty((1, len(cells)), object)
    for number, cell in enumerate(cells):
        held[0, number] = cell
    return {"CAttached": held}


def struct(trace, rate=20.0, spikes=()):
    """Time from 5 s on; spike times in 1e-4 s, padded with NaN."""
    return {
        "fluo_time": 5.0 + np.arange(len(trace)) / rate,
        "fluo_mean": np.asarray(trace, float),
        "events_AP": 1e4 * np.concatenate([5.0 + np.asarray(spikes, float), [np.nan]]),
    }


def sine(hertz, seconds=40.0, rate=60.0):
    return 1 + np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def amplitude(trace, rate, hertz):
    """Of a sine in a trace that holds whole periods."""
    return 2 * np.abs(np.exp(-2j * np.pi * hertz * np.arange(len(trace)) / rate) @ trace) / len(trace)


def plain(path, **knobs):
    """No smoothing, no fading, one level."""
    return Recorded(str(path), **{"smooth": 0.0, "window": None, "fade": 0.0, **knobs})


def test_cascade_files(tmp_path):
    savemat(tmp_path / "a.mat", attach(struct(np.arange(100.0), spikes=[0.5, 2.0]), struct(np.ones(60))))
    savemat(tmp_path / "b.mat", attach(struct(np.ones(80), rate=10.0)))
    one, two, three = read(tmp_path, None)
    assert np.allclose(one.trace, np.arange(100.0)) and one.rate == pytest.approx(20.0) and one.duration == pytest.approx(5.0)
    assert one.spikes == pytest.approx([0.5, 2.0])
    assert (len(two.trace), len(two.spikes), three.rate, three.duration) == (60, 0, pytest.approx(10.0), pytest.approx(8.0))


def test_gaps_are_bridged(tmp_path):
    cell = struct(np.arange(100.0))
    cell["fluo_mean"][40:50] = np.nan
    cell = {name: np.delete(values, slice(60, 70)) if name != "events_AP" else values for name, values in cell.items()}  # lost frames
    savemat(tmp_path / "a.mat", attach(cell))
    (take,) = read(tmp_path / "a.mat", None)
    assert np.allclose(take.trace, np.arange(100.0), atol=1e-6)


def test_numpy_files(tmp_path):
    traces = np.random.default_rng(0).random((3, 50))
    np.savez(tmp_path / "a.npz", traces=traces, rate=5.0, spikes=[[1, 2.0], [2, 0.5], [1, 1.0]])
    np.save(tmp_path / "b.npy", traces[0])
    takes = read(tmp_path, 10.0)
    assert np.allclose([take.trace for take in takes[:3]], traces)
    assert [take.rate for take in takes] == [5.0, 5.0, 5.0, 10.0]
    assert [take.spikes.tolist() for take in takes[:3]] == [[], [1.0, 2.0], [0.5]] and takes[3].spikes is None


def test_an_earlier_result(tmp_path):
    """dF/F is the trace over the baseline under the footprint."""
    images = np.zeros((2, 8, 8), np.float32)
    images[0, 2:4, 2:4], images[1, 5, 5] = 1.0, 1.0
    traces = np.random.default_rng(0).random((2, 60)).astype(np.float32)
    baseline = np.full((8, 8), 50.0, np.float32)
    baseline[5, 5] = 200.0
    nothing = Compressed.from_factors(np.zeros((64, 0)), np.zeros((0, 60)), np.zeros((8, 8), np.float32), rate=12.0, pixel_size=1.0)
    spikes = np.zeros((2, 60), np.uint16)
    spikes[1, [3, 7]] = 1, 2
    DemixResult(Components.from_images(images, traces), baseline, nothing, history={"spikes": spikes}, rate=12.0).save(
        tmp_path / "result.h5"
    )
    one, two = read(tmp_path / "result.h5", None)
    assert np.allclose(one.trace, traces[0] / 50) and np.allclose(two.trace, traces[1] / 200)
    assert two.rate == 12.0 and two.spikes == pytest.approx(np.array([3.5, 7.5, 7.5]) / 12)


def test_at_the_recordings_rate_it_is_the_recording(tmp_path):
    trace = gaussian_filter1d(np.random.default_rng(0).random(600), 4.0)
    np.savez(tmp_path / "a.npz", traces=trace, rate=30.0)
    drawn = plain(tmp_path / "a.npz").draw(1, 600, 30.0, np.random.default_rng(1)).traces[0]
    level = 1 + resting(trace, 30.0, None)[0]
    want = np.maximum((trace + 1) / level - 1, 0)
    lag = np.fft.ifft(np.fft.fft(drawn) * np.conj(np.fft.fft(want))).real.argmax()
    assert np.abs(drawn - np.roll(want, lag)).max() < 0.06 * np.ptp(want)  # up to half a sample between the two


@pytest.mark.parametrize("rate", [15.0, 37.0, 240.0])
@pytest.mark.parametrize("hertz", [0.5, 3.0, 11.0, 20.0])
def test_resampling_is_a_mean_over_the_frame(rate, hertz):
    """A sine of frequency f comes out times sinc(f / rate), at its alias if it has one: no more than a camera lets through."""
    take = Take(sine(hertz), 60.0, None, 40.0, "sine")
    drawn = Loop.of(take, take.trace, 0.0).play(3.7 + np.arange(round(40 * rate) + 1) / rate)
    # the interpolation between samples changes what is faster than a sixth of the recording's rate
    assert amplitude(drawn, rate, hertz) == pytest.approx(abs(np.sinc(hertz / rate)), rel=0.02 if hertz < 10 else 0.3, abs=2e-3)
    assert drawn.mean() == pytest.approx(1, abs=1e-4)


def test_a_recording_is_looped_without_a_jump(tmp_path):
    """A ramp, whose end is as far from its beginning as can be."""
    np.savez(tmp_path / "a.npz", traces=np.linspace(0, 1, 400), rate=20.0)
    drawn = {
        fade: plain(tmp_path / "a.npz", fade=fade).draw(4, 3000, 20.0, np.random.default_rng(0)).traces.astype(float) for fade in (0.0, 2.0)
    }
    assert np.abs(np.diff(drawn[0.0])).max() > 0.3
    assert np.abs(np.diff(drawn[2.0])).max() < np.pi / 2 / (2.0 * 20) * 1.05  # the steepest of a raised cosine over 2 s
    again = round(18.0 * 20)  # played again after its length less the fade
    assert np.allclose(drawn[2.0][:, :-again], drawn[2.0][:, again:], atol=1e-5)


def test_cells_of_one_recording_start_far_apart(tmp_path):
    np.savez(tmp_path / "a.npz", traces=np.random.default_rng(0).random((2, 1200)), rate=10.0)
    drawn = plain(tmp_path / "a.npz").draw(12, 1200, 10.0, np.random.default_rng(1)).traces
    spectra = np.fft.fft(drawn - drawn.mean(axis=1, keepdims=True))
    likeness = np.array([[np.fft.ifft(one * np.conj(two)).real for two in spectra] for one in spectra])
    likeness /= likeness[0, 0, 0]
    first, second, lag = np.nonzero(likeness > 0.7)
    same = lag[first != second]
    assert len(np.unique(first)) == 12 and len(same) == 12 * 5  # both recordings are used by six cells
    assert np.minimum(same, 1200 - same).min() >= 199  # a sixth of the recording


def test_it_rests_at_zero_and_rises_relative_to_rest(tmp_path):
    trace = np.full(6000, 0.25)
    trace += 0.0005 * np.arange(6000) / 30  # drift
    trace[3000:3030] += 1.0
    np.savez(tmp_path / "a.npz", traces=trace, rate=30.0)
    drawn = Recorded(str(tmp_path / "a.npz"), window=20.0).draw(1, 5970, 30.0, np.random.default_rng(0)).traces[0]
    assert drawn.min() >= 0 and np.median(drawn) < 0.02
    assert drawn.max() == pytest.approx(1 / (1.25 + 0.05), rel=0.01)


def test_smoothing_takes_noise_away(tmp_path):
    noise = np.random.default_rng(0).standard_normal(6000)
    np.savez(tmp_path / "a.npz", traces=noise * 0.1, rate=30.0)
    rough, soft = (plain(tmp_path / "a.npz", smooth=s).draw(1, 5000, 30.0, np.random.default_rng(0)).traces for s in (0.0, 0.2))
    assert np.diff(soft).std() < 0.15 * np.diff(rough).std()


def test_spikes_go_with_the_trace(tmp_path):
    """Light one sample long at each spike; both are resampled, faded and shifted alike."""
    rng = np.random.default_rng(0)
    frames = np.sort(rng.choice(np.arange(5, 1995), 80, replace=False))
    trace = np.zeros(2000)
    trace[frames] = 1.0
    np.savez(tmp_path / "a.npz", traces=trace, rate=40.0, spikes=np.stack([np.zeros(80), (frames + 0.5) / 40], axis=1))
    activity = plain(tmp_path / "a.npz").draw(5, 400, 10.0, np.random.default_rng(1))
    assert activity.spikes.sum() == pytest.approx(5 * 80 * 40 / 50, rel=0.15)
    assert np.corrcoef(activity.traces.ravel(), activity.spikes.ravel())[0, 1] > 0.9


def test_of_two_spikes_that_are_faded_into_each_other_one_is_kept():
    """A spike every half second, of which the loop makes a spike every half second."""
    loop = Loop.of(Take(None, 1.0, 0.25 + np.arange(20) / 2, 10.0, "clock"), None, 2.0)
    assert loop.period == 8.0
    assert np.sort(loop.spikes) == pytest.approx(0.25 + np.arange(16) / 2)
    frames = np.sort(loop.fire(3.0, 400, 10.0))
    assert np.diff(frames) == pytest.approx(np.full(79, 5))


def test_recorded_spikes_through_an_indicator(tmp_path):
    np.savez(tmp_path / "a.npz", spikes=[[0, 1.0], [0, 9.0], [1, 3.0]], duration=20.0)
    model = Recorded(str(tmp_path), what="spikes", indicator=Indicator(decay=0.5, rise=0.0, amplitude=0.2))
    activity = model.draw(40, 190 * 3, 10.0, np.random.default_rng(0))  # a loop is 20 s less the fade of 1 s
    counts = activity.spikes.sum(axis=1)
    assert sorted(counts.tolist()) == [3] * 20 + [6] * 20
    innovation = activity.traces[:, 1:] - np.exp(-1 / 5) * activity.traces[:, :-1]
    assert np.allclose(innovation, 0.2 * activity.spikes[:, 1:], atol=1e-5)


def test_a_changed_file_is_read_again(tmp_path):
    np.savez(tmp_path / "a.npz", traces=sine(1.0), rate=60.0)
    before = plain(tmp_path).draw(1, 50, 10.0, np.random.default_rng(0)).traces
    np.savez(tmp_path / "b.npz", traces=np.ones((9, 500)), rate=60.0)
    assert not np.array_equal(before, plain(tmp_path).draw(1, 50, 10.0, np.random.default_rng(0)).traces)


def broken(folder, case):
    """A bad file, and the word that the message must hold."""
    file = folder / "bad.mat"
    good = struct(np.ones(50))
    match case:
        case "missing":
            return folder / "no.mat", "neither a file nor a folder"
        case "empty folder":
            return folder, "holds no recordings"
        case "other ending":
            file = folder / "bad.csv"
            file.write_text("1,2")
            return file, "is no recording"
        case "not a mat":
            file.write_bytes(b"nonsense" * 40)
            return file, "cannot be read"
        case "no CAttached":
            savemat(file, {"other": 1})
            return file, "CAttached"
        case "no field":
            savemat(file, attach({"fluo_time": good["fluo_time"], "fluo_mean": good["fluo_mean"]}))
            return file, "no field events_AP"
        case "NaN":
            savemat(file, attach(struct(np.full(50, np.nan))))
            return file, "no finite value"
        case "short":
            np.savez(folder / "bad.npz", traces=np.ones((1, 3)), rate=5.0)
            return folder, "only 3 samples"
        case "backwards":
            good["fluo_time"] = good["fluo_time"][::-1]
            savemat(file, attach(good))
            return file, "must increase"
        case "no rate":
            np.save(folder / "bad.npy", np.ones(50))
            return folder, "rate must be given"
        case "pickled":
            np.save(folder / "bad.npy", np.array([{"a": 1}], object), allow_pickle=True)
            return folder, "cannot be read"
        case "truncated":
            (folder / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
            return folder, "cannot be read"
        case "no arrays":
            np.savez(folder / "bad.npz", other=1)
            return folder, "neither traces"
        case "three axes":
            np.savez(folder / "bad.npz", traces=np.ones((2, 3, 4)), rate=1.0)
            return folder, r"must be \(K, T\)"
        case "z-scores":
            np.savez(folder / "bad.npz", traces=np.linspace(-3, 3, 100), rate=5.0)
            return folder, "above -1"
    raise AssertionError(case)


CASES = "missing,empty folder,other ending,not a mat,no CAttached,no field,NaN,short,backwards,no rate,pickled,truncated,no arrays"


@pytest.mark.parametrize("case", [*CASES.split(","), "three axes", "z-scores"])
def test_bad_recordings(tmp_path, case):
    path, word = broken(tmp_path, case)
    with pytest.raises(UserError, match=rf"^activity\.[^\n]*{word}[^\n]*$"):
        Recorded(str(path))


@pytest.mark.parametrize("what", ["spikes", "traces"])
def test_nothing_of_what_was_asked_for(tmp_path, what):
    held = {"traces": np.ones((2, 50)), "rate": 5.0} if what == "spikes" else {"spikes": [[0, 1.0], [0, 8.0]]}
    np.savez(tmp_path / "a.npz", **held)
    with pytest.raises(UserError, match=f"holds no {what}"):
        Recorded(str(tmp_path), what=what)


@pytest.mark.parametrize("knobs", [{"what": "both"}, {"rate": 0.0}, {"window": -1.0}, {"smooth": -1.0}, {"fade": -1.0}])
def test_impossible_knobs(tmp_path, knobs):
    np.savez(tmp_path / "a.npz", traces=np.ones((2, 50)), rate=5.0)
    with pytest.raises(UserError, match=rf"^activity\.{next(iter(knobs))} must be [^\n]+$"):
        Recorded(str(tmp_path), **knobs)


def test_real_recordings(data_dir):
    """Rates of spikes, and light that goes with them, as recorded; most of a recording is at rest."""
    folder = data_dir / "spikes" / "DS09-GCaMP6f-m-V1"
    activity = Recorded(str(folder)).draw(40, 3000, 15.0, np.random.default_rng(0))
    assert activity.spikes.mean() * 15 == pytest.approx(0.73, rel=0.1)
    assert activity.traces.min() == 0 and np.median(activity.traces) < 0.1 and 1 < activity.traces.max() < 8
    # cells that play the same recording are not the same cell
    table = np.corrcoef(activity.traces)
    assert np.abs(table[np.triu_indices(40, 1)]).max() < 0.8
    # light rises in the half second after a spike
    rise = activity.traces[:, 5:] - activity.traces[:, :-5]
    assert rise[activity.spikes[:, 1:-4] > 0].mean() > 10 * abs(rise.mean())
