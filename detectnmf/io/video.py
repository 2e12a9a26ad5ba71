"""Videos (AVI, MKV, MP4), decoded by PyAV when frames are asked for; miniscopes write such, in parts of a thousand frames.

What is stored as grey is read as it is, and so is the luminance of YUV. Of RGB one channel is read where all three are alike; else
the movie has channels.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Index, Opened, one_line
from detectnmf.io.metadata import RATE_RANGE, within
from detectnmf.io.miniscope import rate_beside
from detectnmf.io.raw import truncated

SUFFIXES = (".avi", ".mkv", ".mp4", ".mov", ".m4v")
LOSSLESS = ("ffv1", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "png", "zlib", "lagarith", "magicyuv", "msrle", "qtrle")


def opens(path: Path) -> bool:
    """By its first bytes."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        head = file.read(12)
    return (head[:4] == b"RIFF" and head[8:11] == b"AVI") or head.startswith(b"\x1aE\xdf\xa3") or head[4:8] == b"ftyp"


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Count the frames and decode the first one."""
    if dataset is not None:
        raise UserError(f"{path} is a video; leave out dataset={dataset}")
    with _explained(path):
        container, stream = _open(path)
        with container:
            codec = stream.codec_context.name
            played = within(float(stream.average_rate or 0), RATE_RANGE)
            times, keys = _index(container, stream, path)
        container, stream = _open(path)
        with container:
            first = next((_values(frame) for frame in container.decode(stream)), None) if len(times) else None
    if first is None:
        raise truncated(path, 0)
    coloured = first.ndim == 3 and not (first == first[..., :1]).all()
    array = VideoArray(path, times, keys, first.shape if coloured else first.shape[:2], first.dtype)
    rate, notes = rate_beside(path)
    if rate is None and played is not None:
        rate = played
        notes += (f"The rate of {played:g} Hz is the video's playback speed, which need not be the true one; give rate=... to be sure.",)
    if codec not in LOSSLESS:
        notes += (f"The video is compressed with loss ({codec}), which blurs noise and faint cells.",)
    return Opened(array, "TYXS" if coloured else "TYX", rate, None, notes, channels=("red", "green", "blue") if coloured else ())


class VideoArray:
    """Frames of a video; decoding goes on where it stopped, and starts anew from the key frame before a frame that lies elsewhere.

    Args:
        path: the video.
        times: (T,) time stamps in the order in which frames are shown. keys: those at which decoding can begin.
        frame: shape of one frame, (Y, X) or (Y, X, 3).
        dtype: of the pixels.
    """

    def __init__(self, path: Path, times: np.ndarray, keys: np.ndarray, frame: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.times, self.keys, self.frame, self.dtype = path, times, keys, tuple(frame), np.dtype(dtype)
        self.shape = (len(times), *self.frame)
        self._lock = threading.Lock()
        self._frames: Iterator[Any] | None = None  # what comes next
        self._next = 0
        self._end: weakref.finalize | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return VideoArray, (self.path, self.times, self.keys, self.frame, self.dtype)

    def __getitem__(self, index: Index) -> np.ndarray:
        wanted = np.arange(self.shape[0])[index[0]]
        out = np.empty((np.size(wanted), *self.frame), self.dtype)
        with self._lock, _explained(self.path):
            for place, number in enumerate(np.atleast_1d(wanted).tolist()):
                out[place] = self._at(number)
        return out[(slice(None) if np.ndim(wanted) else 0, *index[1:])]

    def close(self) -> None:
        """Close the file until the next read."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._end is not None:
            self._end()
        self._frames = self._end = None

    def _at(self, number: int) -> np.ndarray:
        key = int(self.keys[np.searchsorted(self.keys, self.times[number], side="right") - 1])
        if self._frames is None or number < self._next or key > self.times[min(self._next, self.shape[0] - 1)]:
            self._start(key)
        assert self._frames is not None
        for frame in self._frames:
            at = int(np.searchsorted(self.times, frame.pts)) if frame.pts is not None else self._next
            self._next = at + 1
            if at == number:
                values = _values(frame)
                if values.shape[:2] != self.frame[:2] or values.dtype != self.dtype:
                    raise UserError(f"{self.path}: frame {number} is {values.shape}, but frame 0 {self.frame}; a movie's frames are alike")
                return values[..., 0] if values.ndim > len(self.frame) else values
            if at > number:
                break
        self._stop()
        raise UserError(f"{self.path}: frame {number} cannot be decoded; copy the file again")

    def _start(self, key: int) -> None:
        self._stop()
        container, stream = _open(self.path)
        self._end = weakref.finalize(self, container.close)
        if key > self.times[0]:
            container.seek(key, stream=stream, backward=True)
        self._frames = container.decode(stream)
        self._next = int(np.searchsorted(self.times, key))


def _open(path: Path) -> tuple[Any, Any]:
    """The container and its first stream of pictures."""
    import av

    container = av.open(str(path))
    if not container.streams.video:
        container.close()
        raise UserError(f"{path} holds no pictures; give the file with the video")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return container, stream


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """PyAV's errors in one line."""
    try:
        from av.error import FFmpegError
    except ImportError as error:
        raise UserError(f"{path} is a video, which PyAV reads; pip install av, or convert it to TIFF") from error
    try:
        yield
    except PermissionError:
        raise
    except (FFmpegError, ValueError, OSError, MemoryError) as error:
        raise UserError(f"{path} is damaged and cannot be read as a video ({one_line(error)}); copy it again") from error


def _index(container: Any, stream: Any, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps of all frames in the order in which they are shown, and of those at which decoding can begin.

    From the file's own index, where it has one of all frames; else by a pass over the compressed frames, without decoding.

    Raises:
        UserError: fewer frames are there than the file announces.
    """
    entries = stream.index_entries
    whole = len(entries) == stream.frames > 0 and stream.codec_context.name in (*LOSSLESS, "mjpeg")
    if whole and entries[-1].pos + entries[-1].size <= path.stat().st_size:
        found = [(entry.timestamp, entry.is_keyframe) for entry in entries]
    else:
        found = [
            (packet.pts if packet.pts is not None else packet.dts, packet.is_keyframe) for packet in container.demux(stream) if packet.size
        ]
        announced = stream.frames
        if not announced and container.duration and stream.average_rate:
            announced = int(container.duration / 1e6 * float(stream.average_rate) - 0.5)  # µs; the last frame need not last
        if len(found) < announced:
            raise truncated(path, len(found), announced)
    times = np.sort(np.array([-1 if time is None else time for time, _ in found], np.int64))
    if not len(times) or (np.diff(times) <= 0).any():  # no time stamps that could be looked for: frames are counted from the first
        return np.arange(len(times)), np.zeros(min(len(times), 1), np.int64)
    return times, np.sort(np.array([time for time, key in found if key] or times[:1], np.int64))


def _values(frame: Any) -> np.ndarray:
    """(Y, X) as stored, or (Y, X, 3) of a frame in colour."""
    form = frame.format
    if form.name.startswith("gray"):
        return np.asarray(frame.to_ndarray())
    if form.is_rgb or form.name == "pal8":
        return np.asarray(frame.to_ndarray(format="rgb24"))
    if not form.is_planar:
        frame = frame.reformat(format="yuv422p")
    plane, dtype = frame.planes[0], np.dtype("<u2" if frame.format.components[0].bits > 8 else "u1")
    lines = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return lines[: frame.height, : frame.width].copy()
