"""Writers of the formats that microscopes and other programs leave, from their public descriptions."""

from __future__ import annotations

import json
import struct

import numpy as np
import tifffile


def scanimage(path, frames, settings, first=1):
    """Pages (n, Y, X) as ScanImage writes them: one by one, its settings in the tag Software, the frame's number in the description."""
    text = "SI.VERSION_MAJOR = 2020\nSI.VERSION_UPDATE = 0\n" + "".join(f"SI.{key} = {value}\n" for key, value in settings.items())
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for number, frame in enumerate(frames):
            file.write(frame, contiguous=False, software=text, description=f"frameNumbers = {number + first}\n", metadata=None)


def nwb(path, movie, kind="TwoPhotonSeries", rate=None, times=None, spacing=None, name="acquisition/imaging", **options):
    """A series whose frames are columns × rows, as the NWB schema has it; spacing: µm."""
    import h5py

    with h5py.File(path, "a") as file:
        file.attrs["nwb_version"] = "2.6.0"
        series = file.create_group(name)
        series.attrs["neurodata_type"] = kind
        series.create_dataset("data", data=np.moveaxis(movie, 1, 2), **options)
        if rate is not None:
            series.create_dataset("starting_time", data=0.0).attrs["rate"] = rate
        if times is not None:
            series.create_dataset("timestamps", data=times)
        if spacing is not None:
            plane = file.create_group(f"general/optophysiology/{name.replace('/', '_')}")
            plane.create_dataset("grid_spacing", data=[spacing * 1e-6, spacing * 1e-6]).attrs["unit"] = "meters"
            series["imaging_plane"] = h5py.SoftLink(plane.name)


def suite2p(folder, movie, **ops):
    """data.bin and ops.npy."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.bin").write_bytes(movie.astype("<i2").tobytes())
    np.save(folder / "ops.npy", {"Ly": movie.shape[1], "Lx": movie.shape[2], "nframes": len(movie), **ops}, allow_pickle=True)
    return folder / "data.bin"


def caiman(folder, movie, order="F", name="memmap_"):
    """(pixels in column-major order, T), in order C or F, float32; movie (T, Y, X) or (T, Y, X, Z)."""
    volume = movie[..., None] if movie.ndim == 3 else movie
    frames, rows, columns, planes = volume.shape
    pixels = np.stack([frame.ravel(order="F") for frame in volume.astype("<f4")], axis=1)
    path = folder / f"{name}_d1_{rows}_d2_{columns}_d3_{planes}_order_{order}_frames_{frames}_.mmap"
    path.write_bytes(pixels.tobytes(order=order))
    return path


def isxd(path, movie, rate=20.0, pixel_size=2.0, dropped=(), cropped=(), around=0, **changes):
    """Frames, then JSON, a zero and the JSON's length; `around`: values before and after each frame."""
    code = {"uint16": 0, "float32": 1, "uint8": 2}[str(movie.dtype)]
    times = len(movie) + len(dropped) + sum(last - first + 1 for first, last in cropped)
    footer = {
        "type": 0,
        "dataType": code,
        "hasFrameHeaderFooter": bool(around),
        "timingInfo": {
            "numTimes": times,
            "period": {"num": 1000, "den": round(1000 * rate)},
            "dropped": list(dropped),
            "cropped": [list(span) for span in cropped],
        },
        "spacingInfo": {
            "numPixels": {"x": movie.shape[2], "y": movie.shape[1]},
            "pixelSize": {"x": {"num": round(100 * pixel_size), "den": 100}, "y": {"num": round(100 * pixel_size), "den": 100}},
        },
        **changes,
    }
    text = json.dumps(footer).encode()
    with open(path, "wb") as file:
        for frame in movie:
            file.write(np.full(around, 7, movie.dtype).tobytes() + frame.tobytes() + np.full(around, 9, movie.dtype).tobytes())
        file.write(text + b"\0" + struct.pack("<Q", len(text)))


def sbx(path, movie, **info):
    """Frames (T, Y, X) or (T, Y, X, C) upside down, and info in a .mat beside them."""
    from scipy.io import savemat

    values = movie[..., None] if movie.ndim == 3 else movie
    path.write_bytes((65535 - values.astype(np.int64)).astype("<u2").tobytes())
    settings = {"scanmode": 1, "recordsPerBuffer": values.shape[1], "sz": [values.shape[1], values.shape[2]], "resfreq": 7920.0}
    channels = {"channels": 1 if values.shape[3] == 2 else 2}
    savemat(path.with_suffix(".mat"), {"info": {**settings, **channels, **info}})


def video(path, frames, codec="ffv1", form="gray", rate=20, keys=5):
    """(T, Y, X) grey, or (T, Y, X, 3) in colour."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = form
        stream.codec_context.gop_size = keys
        for values in frames:
            if values.ndim == 2 and form in ("bgr24", "bgr0"):
                values = np.repeat(values[..., None], 3, axis=2)
            shape = "rgb24" if values.ndim == 3 else "gray16le" if values.dtype == np.uint16 else "gray"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format=shape)
            container.mux(stream.encode(frame.reformat(format=form) if form != shape else frame))
        container.mux(stream.encode())
