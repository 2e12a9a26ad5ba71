"""What a file is that no reader opens, and what to do about it."""

from __future__ import annotations

from pathlib import Path

from detectnmf.errors import UserError

IMAGE = "a single image, not a movie; give a stack, or a folder of TIFFs"
SIGNATURES = {
    b"\x89PNG": f"a PNG: {IMAGE}",
    b"\xff\xd8\xff": f"a JPEG: {IMAGE}",
    b"GIF8": "a GIF; save the movie as TIFF",
    b"BM": f"a BMP: {IMAGE}",
    b"PK\x03\x04": "a zip archive (.npz, .zip, .docx, ...); unpack it, and save an array with numpy.save",
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"%PDF": "a PDF, not a movie",
    b"RIFF": "a RIFF file without pictures (sound?); give the movie",
    b"MATLAB 5.0": "a MATLAB file of an old format; save it with -v7.3, or as TIFF",
}
KNOWN = "TIFF, .npy, HDF5, NWB, zarr, .bin, .mmap, .isxd, .sbx and videos are read"


def refuse(path: Path) -> UserError:
    """The error for a file that no reader opens."""
    if path.is_dir():
        return UserError(f"{path} is a folder, not a movie; {KNOWN}")
    with open(path, "rb") as file:
        head = file.read(512)
    if not head:
        return UserError(f"{path} is empty; copy it again from where it was recorded")
    for signature, words in SIGNATURES.items():
        if head.startswith(signature):
            return UserError(f"{path} is {words}")
    if _is_text(head):
        return UserError(f"{path} is text, not a movie; {KNOWN}")
    return UserError(f"{path} is not a movie that can be read (it begins with {head[:4]!r}); {KNOWN}")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # more than a character that was cut
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t" for character in text)
