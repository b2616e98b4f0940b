"""One image embedding as a folder: a zarr array of its features."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import torch
import zarr
from numcodecs.zstd import Zstd
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry

_LEVEL = 1
_METADATA = "zarr.json"


def write_entry(folder: Path, embedding: ImageEmbedding) -> None:
    """Write an embedding as a new folder, in half precision where that holds it.

    Raises
    ------
    OSError
        If the folder is there already or cannot be written.
    """
    # Not by torch: threads of its own for a writer would slow down those that encode.
    values = np.ascontiguousarray(embedding.features.detach().float().cpu().numpy())
    # float16 has an end; features beyond it are kept as they are.
    if max(-values.min(), values.max()) <= np.finfo(np.float16).max:
        values = values.astype(np.float16)
    metadata = json.loads(_metadata_of(values.shape, values.dtype.str))
    metadata["attributes"] = {
        "plane_shape": [int(n) for n in embedding.geometry.plane_shape],
        "frame_size": int(embedding.geometry.frame_size),
        "intensity_range": [float(value) for value in embedding.intensity_range],
        "model_digest": embedding.model_digest,
    }
    # The one chunk is written by hand, as zarr would: its own machinery takes twice as
    # long as all the rest, from the encoder of the next plane.
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    packed = bytes(Zstd(level=_LEVEL).encode(little))
    chunk = folder.joinpath("c", *("0" * values.ndim))
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(packed + google_crc32c.value(packed).to_bytes(4, "little"))
    (folder / _METADATA).write_text(json.dumps(metadata, indent=2))


def read_entry(folder: Path) -> ImageEmbedding:
    """Read an embedding; its features come back as float32.

    Raises
    ------
    OSError
        If it is there, but may not be read.
    ValueError, KeyError, TypeError, RuntimeError
        If it is damaged.
    """
    array: Any = zarr.open_array(folder, mode="r")
    features = np.asarray(array[...]).astype(np.float32)
    if features.ndim != 4 or np.isnan(features).any():
        raise ValueError("its features are missing")
    height, width = array.attrs["plane_shape"]
    low, high = array.attrs["intensity_range"]
    return ImageEmbedding(
        features=torch.from_numpy(features),
        geometry=FrameGeometry(
            plane_shape=(int(height), int(width)),
            frame_size=int(array.attrs["frame_size"]),
        ),
        intensity_range=(float(low), float(high)),
        model_digest=str(array.attrs["model_digest"]),
    )


@lru_cache(maxsize=16)
def _metadata_of(shape: tuple[int, ...], dtype: str) -> bytes:
    """Return what zarr writes about an array of one chunk."""
    written: dict[str, Any] = {}
    zarr.create_array(
        MemoryStore(written),
        shape=shape,
        chunks=shape,
        dtype=dtype,
        compressors=(ZstdCodec(level=_LEVEL), Crc32cCodec()),
        # A chunk that was lost reads as the fill value: as damage, not as features.
        fill_value=np.nan,
    )
    metadata: bytes = written[_METADATA].to_bytes()
    return metadata
