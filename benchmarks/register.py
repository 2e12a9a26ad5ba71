"""Registration against the true motion of simulated movies, and its speed: python benchmarks/register.py [seeds] [FOLDER of recordings]

Writes docs/benchmarks/register.md and register.png. Speed is by the clock: on a machine without other work.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from common import FIRST_SEED, build, compose
from register_page import picture, write
from scipy.ndimage import gaussian_filter

import detectnmf
from detectnmf.recording import Recording
from detectnmf.register.auto import Auto
from detectnmf.register.base import Registrar
from detectnmf.register.piecewise import Piecewise
from detectnmf.register.rigid import Rigid
from detectnmf.register.warp import curve
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulated

SCENE = ("sim.frames=200", "sim.size=[192,192]", "sim.cells=85")
LARGE = ("sim.size=[256,256]", "sim.cells=150")  # of the speed
ONE_PHOTON = ("psf=one_photon", "shapes=soma", "neuropil=widefield", "illumination=miniscope", "sim.pixel_size=1.5", "camera=float")
SMALL = ("sim.size=[128,128]", "sim.cells=40")  # of decisions
SNRS = (3.0, 1.0, 0.3)
RUNTIME = Runtime(device="cpu", max_memory=2.0, quiet=True)
BORDER = 16  # px
PLACES = 33  # along each side, at which fields are compared


def noisy(made: Simulated, snr: float, seed: int) -> Recording:
    """Noiseless frames and white noise: `snr` is the standard deviation of their mean image over that of the noise."""
    light = made.recording.frames.expected(slice(None))  # type: ignore[attr-defined]
    level = float(light.mean(axis=0).std()) / snr
    rng = np.random.default_rng([seed, 7])
    return Recording(light + level * rng.standard_normal(light.shape, dtype=np.float32), rate=made.recording.rate)


def dense(shifts: np.ndarray) -> np.ndarray:
    """(T, n, n, 2) px at places spread evenly from edge to edge."""
    down, right = (curve(nodes, PLACES).numpy() for nodes in shifts.shape[1:3])
    return np.einsum("ya,xb,tabc->tyxc", down, right, shifts)


def errors(found: np.ndarray, made: Simulated) -> np.ndarray:
    """(T, n, n, 2) px; where the template lies is anyone's choice, so that the mean over time of each place does not count."""
    history = made.truth.history
    true = dense(history["shift_field"]) if "shift_field" in history else history["shifts"][:, None, None]
    found = dense(found) if true.shape[1] > 1 or found.shape[1] > 1 else found
    difference = found - true
    return difference - np.nanmean(difference, axis=0)


def bound(made: Simulated, snr: float) -> float:
    """px, Cramér and Rao's for one frame against a perfect template, mean of both axes."""
    light = made.truth.baseline
    slopes = [np.square(np.diff(light, axis=axis)).sum() for axis in (0, 1)]
    return float(np.mean([light.std() / snr / np.sqrt(slope) for slope in slopes]))


def plain(recording: Recording) -> np.ndarray:
    """(T, 1, 1, 2) px: correlation of whole frames with their mean, its maximum and a parabola; no taper, no filter."""
    movie = recording[:]
    movie = movie - movie.mean(axis=(1, 2), keepdims=True)
    reference, out = np.fft.rfft2(movie.mean(axis=0)).conj(), np.zeros((len(movie), 2))
    for frame, shift in zip(movie, out, strict=True):
        surface = np.fft.irfft2(np.fft.rfft2(frame) * reference, s=frame.shape)
        wide = np.roll(surface, (16, 16), (0, 1))[:33, :33]
        y, x = np.clip(np.unravel_index(wide.argmax(), wide.shape), 1, 31)
        for axis, (a, b, c) in enumerate((wide[y - 1 : y + 2, x], wide[y, x - 1 : x + 2])):
            shift[axis] = (y, x)[axis] - 16 + 0.5 * (a - c) / min(a - 2 * b + c, -1e-12)
    return out[:, None, None].astype(np.float32)


def row(name: str, snr: float | None, motion: str, registrar: Registrar, count: int, extra: tuple[str, ...] = ()) -> str:
    """One line of the table, over all seeds."""
    ours, theirs, least, lost, worst = [], [], [], 0, 0.0
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        made = simulated(seed, motion, extra)
        recording = noisy(made, snr, seed) if snr else made.recording
        registration = registrar(recording, RUNTIME).registration()
        assert registration is not None
        error = errors(registration.shifts, made)
        ours.append(np.nanmean(np.square(error)))
        worst = max(worst, float(np.nanmax(np.sqrt(np.square(error).sum(-1).mean((1, 2))))))
        theirs.append(np.square(errors(plain(recording), made)).mean())
        least.append(bound(made, snr) if snr else np.nan)
        lost += int(registration.bad_frames.sum())
    rms = np.sqrt(np.mean(ours))
    found = f"{rms:.3f} | {rms * 2**0.5:.3f} | {worst:.2f} | {lost}"
    closest = "" if motion == "nonrigid" or not snr else f"{np.mean(least):.3f}"
    line = f"| {name} | {f'{snr:g}' if snr else ''} | {found} | {closest} | {np.sqrt(np.mean(theirs)):.3f} |"
    print(line, flush=True)
    return line


def dim(count: int) -> list[str]:
    """Little light, and bursts: six frames in forty lie anywhere within 9 px, and all lie elsewhere from the middle on."""
    lines = []
    for edge in (192, 96):
        for snr in (0.3, 0.2, 0.1):
            lengths, masked = [], 0
            for seed in range(FIRST_SEED, FIRST_SEED + count):
                made = simulated(seed, "rigid", ("motion.rms=2",))
                light, rng = made.recording.frames.expected(slice(None)), np.random.default_rng([seed, 8])  # type: ignore[attr-defined]
                jumps = np.where(np.arange(len(light))[:, None] % 40 < 6, rng.integers(-9, 10, (len(light), 2)), 0)
                jumps[len(light) // 2 :] += (3, -2)
                part = slice((light.shape[1] - edge) // 2, (light.shape[1] + edge) // 2)
                moved = np.stack([np.roll(frame, jump, (0, 1))[part, part] for frame, jump in zip(light, jumps, strict=True)])
                level = float(light.mean(axis=0).std()) / snr
                noisy = moved + level * rng.standard_normal(moved.shape, dtype=np.float32)
                registration = Rigid()(Recording(noisy.astype(np.float32), rate=made.recording.rate), RUNTIME).registration()
                assert registration is not None
                error = registration.whole - made.truth.history["shifts"] - jumps
                lengths.append(np.linalg.norm(error - np.nanmedian(error, axis=0), axis=1))
                masked += int(registration.bad_frames.sum())
            found = np.concatenate(lengths)
            found = found[np.isfinite(found)]
            rms, off = np.sqrt(np.square(found).mean() / 2), int((found > 1).sum())
            lines.append(f"| {edge} px | {snr:g} | {rms:.3f} | {found.max():.2f} | {off} | {masked} of {len(found) + masked} |")
            print(lines[-1], flush=True)
    return lines


def simulated(seed: int, motion: str, extra: tuple[str, ...] = ()) -> Simulated:
    """Frames are computed when asked for."""
    made: Simulated = build(compose((*SCENE, f"motion={motion}", *extra)), "sim")(np.random.default_rng(seed))
    return made


def speed(name: str, registrar: Registrar, motion: str) -> str:
    """Seconds by the clock, with one thread and with all: once, and for each frame read first and again."""
    recording = noisy(simulated(FIRST_SEED, motion, LARGE), 3.0, FIRST_SEED)
    cells = [name]
    for threads in (1, os.cpu_count() or 1):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        registered = registrar(recording, RUNTIME)
        cells.append(f"{time.perf_counter() - start:.1f} s")
        for _ in range(2):
            start = time.perf_counter()
            for _ in registered.recording.chunks(64):
                pass
            cells.append(f"{len(recording) / (time.perf_counter() - start):.0f}")
    torch.set_num_threads(1)
    line = "| " + " | ".join(cells) + " |"
    print(line, flush=True)
    return line


def decisions(count: int) -> list[str]:
    """What `register=auto` says of movies of each kind."""
    kinds = {
        "still": ("still", ()),
        "still, crowded": ("still", ("sim.cells=80", "sim.min_distance=0")),
        "still, one-photon": ("still", ONE_PHOTON),
        "rigid": ("rigid", ()),
        "bending": ("nonrigid", ()),
    }
    lines = []
    for name, (motion, extra) in kinds.items():
        for snr in (3.0, 0.3):
            said, took = [], []
            for seed in range(FIRST_SEED, FIRST_SEED + count):
                recording = noisy(simulated(seed, motion, (*SMALL, *extra)), snr, seed)
                start = time.process_time()
                frames = Auto()(recording, RUNTIME).frames
                took.append(time.process_time() - start)
                said.append("still" if frames is None else str(frames.method["kind"]))
            lines.append(f"| {name} | {snr:g} | {', '.join(said)} | {np.mean(took):.1f} s |")
            print(lines[-1], flush=True)
    return lines


def miniscope(folder: Path) -> list[str]:
    """Mean correlation with the template, and of frames that follow each other, plain and with the fixed pattern smoothed away."""
    recording = detectnmf.read(str(folder / "miniscope-moving.tif"), rate=15.0)
    stored = np.load(folder / "miniscope-labels.npz")["shifts"].astype(int)
    movie = recording[:].astype(np.float32)
    found = {"as recorded": movie, "stored shifts": np.stack([np.roll(f, s, (0, 1)) for f, s in zip(movie, stored, strict=True)])}
    for name, registrar in {"auto": Auto(), "rigid": Rigid()}.items():
        registered = registrar(recording, RUNTIME)
        found[name] = np.nan_to_num(registered.recording[:].astype(np.float32))
    lines = []
    for name, frames in found.items():
        values = []
        for width in (0.0, 3.0):
            smooth = np.stack([gaussian_filter(frame, width) - gaussian_filter(frame, 15) for frame in frames]) if width else frames
            flat = smooth[:, BORDER:-BORDER, BORDER:-BORDER].reshape(len(frames), -1)
            flat = flat - flat.mean(axis=1, keepdims=True)
            flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
            mean = flat.mean(axis=0)
            values += [(flat @ mean / np.linalg.norm(mean)).mean(), (flat[1:] * flat[:-1]).sum(axis=1).mean()]
        lines.append(f"| {name} | {' | '.join(f'{value:.4f}' for value in values)} |")
        print(lines[-1], flush=True)
    return lines


def shown(snr: float) -> None:
    """The picture."""
    made = simulated(FIRST_SEED, "rigid", ("motion.rms=3",))
    recording = noisy(made, snr, FIRST_SEED)
    found = Rigid()(recording, RUNTIME).registration()
    assert found is not None
    picture(recording, found, made.truth.history["shifts"], snr)


def main(count: int, folder: Path | None) -> None:
    """Measure and write the page."""
    print("accuracy")
    table = [row("rigid", snr, "rigid", Rigid(), count) for snr in SNRS]
    table.append(row("rigid, twice as far", 1.0, "rigid", Rigid(), count, ("motion.rms=3",)))
    table.append(row("rigid, one-photon, photon noise", None, "rigid", Rigid(), count, ONE_PHOTON))
    table += [row("bending", snr, "nonrigid", Piecewise(), count) for snr in SNRS]
    table.append(row("bending, as if rigid", 3.0, "nonrigid", Rigid(), count))
    print("little light")
    dark = dim(count)
    print("decisions")
    decided = decisions(count)
    print("speed")
    speeds = [speed("rigid", Rigid(), "rigid"), speed("piecewise", Piecewise(), "nonrigid")]
    real = [] if folder is None else miniscope(folder)
    shown(0.3)
    write(table, dark, decided, speeds, real, count, FIRST_SEED)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
