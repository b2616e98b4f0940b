"""The exchange format of the Cell Tracking Challenge.

A folder holds one label image per frame (``mask000.tif``, or ``man_track000.tif`` in
ground truth) and a text file with a line ``id begin end parent`` for each track.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_segment_anything.errors import StorageError, UnreadableInputError
from napari_segment_anything.storage.atomic import (
    atomic_path,
    remove_tree,
    storage_errors,
)

TrackRow = tuple[int, int, int, int]

_MAX_ID = 65535
_PART = re.compile(r"mask\d+\.tif|res_track\.txt|\.DS_Store|Thumbs\.db|\.tmp-.*")
_POSITION = re.compile(r"[A-Z]\d+(_[A-Z]\d+)*")
_LAYOUTS = (("res_track.txt", "mask"), ("man_track.txt", "man_track"))


class CtcTracks(NamedTuple):
    """Label images and track rows of one sequence.

    Parameters
    ----------
    labels : numpy.ndarray
        (T, H, W) or (T, Z, H, W) int32 track ids.
    tracks : list of tuple
        (id, first frame, last frame, parent or 0) of each track.
    """

    labels: NDArray[np.int32]
    tracks: list[TrackRow]


class CtcWriter:
    """Writes a result folder frame by frame; the file of tracks makes it complete.

    Parameters
    ----------
    folder : str or Path
        Such as ``01_RES``; it is made when needed. A result that is there already is
        replaced.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._n_frames = 0
        # While frames are replaced, the folder is no result.
        remove_tree(self._folder / "res_track.txt")

    def write_frame(self, image: NDArray[np.integer[Any]]) -> None:
        """Write the next label image, ids up to 65535.

        Raises
        ------
        StorageError
            If an id does not fit the format, or the disk is full.
        """
        frame = self._n_frames
        if image.size and (image.min() < 0 or image.max() > _MAX_ID):
            raise StorageError(
                f"Frame {frame} has ids from {image.min()} to {image.max()}, but the "
                f"Cell Tracking Challenge format ends at {_MAX_ID}; number the tracks "
                f"anew from 1."
            )
        with atomic_path(self._folder / f"mask{frame:03d}.tif") as temporary:
            tifffile.imwrite(temporary, image.astype(np.uint16), compression="zlib")
        self._n_frames += 1

    def finish(self, tracks: Iterable[Sequence[int]]) -> None:
        """Write the file of tracks: (id, first frame, last frame, parent or 0) each.

        Raises
        ------
        StorageError
            If the disk is full.
        """
        # A longer result that was there before would lend its last frames.
        for number, path in _numbered(self._folder, "mask").items():
            if number >= self._n_frames:
                remove_tree(path)
        lines = [" ".join(str(int(value)) for value in row) for row in tracks]
        with atomic_path(self._folder / "res_track.txt") as temporary:
            text = "".join(f"{line}\n" for line in lines)
            temporary.write_text(text, encoding="ascii")


def write_ctc(
    folder: str | Path,
    labels: Iterable[NDArray[np.integer[Any]]],
    tracks: Iterable[Sequence[int]],
) -> None:
    """Write a result folder; see `CtcWriter`.

    Parameters
    ----------
    folder : str or Path
        Such as ``01_RES``; it is made when needed.
    labels : iterable of numpy.ndarray
        One label image of track ids per frame, ids up to 65535.
    tracks : iterable of sequence of int
        (id, first frame, last frame, parent or 0) of each track.

    Raises
    ------
    StorageError
        If an id does not fit the format, or the disk is full.
    """
    writer = CtcWriter(folder)
    for image in labels:
        writer.write_frame(image)
    writer.finish(tracks)


def check_replaceable(folder: str | Path) -> None:
    """Raise unless a folder is free, or holds nothing but results of this format.

    Several movies lie in a folder each, named by their position, such as ``Z03``.

    Raises
    ------
    StorageError
        If something else lies there, which would be lost with the folder.
    """
    folder = Path(folder)
    if not folder.exists():
        return
    with storage_errors(folder):
        others = sorted(str(path) for path in _foreign(folder))
    if others:
        raise StorageError(
            f"{others[0]} is no part of a Cell Tracking Challenge result, so {folder} "
            "is not overwritten; choose another folder."
        )


def _foreign(folder: Path) -> Iterator[Path]:
    """Find what lies in a folder and is no part of results."""
    for path in folder.iterdir():
        if path.is_dir() and _POSITION.fullmatch(path.name):
            yield from _foreign(path)
        elif path.is_dir() or not _PART.fullmatch(path.name):
            yield path


def is_ctc(place: str | Path) -> bool:
    """Whether a folder has the text file of tracks."""
    return any((Path(place) / name).is_file() for name, _ in _LAYOUTS)


def read_ctc(folder: str | Path) -> CtcTracks:
    """Read a result folder or a ``TRA`` folder of ground truth.

    Raises
    ------
    UnreadableInputError
        If the text file or the label images are missing or malformed.
    """
    folder = Path(folder)
    for text_name, prefix in _LAYOUTS:
        if (folder / text_name).is_file():
            tracks = _read_tracks(folder / text_name)
            return CtcTracks(_read_labels(folder, prefix), tracks)
    raise UnreadableInputError(
        f"{folder} holds neither res_track.txt nor man_track.txt; give a folder in the "
        f"layout of the Cell Tracking Challenge."
    )


def _read_tracks(path: Path) -> list[TrackRow]:
    tracks: list[TrackRow] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            track, begin, end, parent = (int(value) for value in line.split())
        except ValueError as error:
            raise UnreadableInputError(
                f"Line {number} of {path} is {line!r} instead of four whole numbers "
                f"(id, begin, end, parent); correct it."
            ) from error
        tracks.append((track, begin, end, parent))
    return tracks


def _read_labels(folder: Path, prefix: str) -> NDArray[np.int32]:
    numbered = _numbered(folder, prefix)
    if not numbered:
        raise UnreadableInputError(
            f"{folder} holds no label images {prefix}000.tif; copy them too."
        )
    try:
        frames = [tifffile.imread(numbered[number]) for number in sorted(numbered)]
        labels: NDArray[np.int32] = np.stack(frames).astype(np.int32)
    except (OSError, ValueError) as error:
        raise UnreadableInputError(
            f"The label images in {folder} cannot be read as one sequence: {error}. "
            f"Copy them again."
        ) from error
    return labels


def _numbered(folder: Path, prefix: str) -> dict[int, Path]:
    """Label images of a folder, by frame."""
    return {
        int(match.group(1)): path
        for path in folder.glob(f"{prefix}*.tif")
        if (match := re.fullmatch(rf"{prefix}(\d+)\.tif", path.name))
    }
