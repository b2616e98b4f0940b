"""Entries of an embedding store, written by hand and read by zarr."""

import numpy as np
import pytest
import torch
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.storage.embedding_entry import read_entry, write_entry


def embedding_of(features):
    geometry = FrameGeometry((31, 47), 64)
    return ImageEmbedding(torch.from_numpy(features), geometry, (0.5, 9.0), "ab" * 32)


@pytest.mark.parametrize(("largest", "dtype"), [(8.0, "float16"), (1e5, "float32")])
def test_an_entry_is_what_zarr_itself_would_write(tmp_path, largest, dtype):
    features = np.random.default_rng(0).normal(size=(1, 12, 8, 8)).astype(np.float32)
    features[0, 0, 0, 0] = largest
    write_entry(tmp_path / "ours", embedding_of(features))
    ours = zarr.open_array(tmp_path / "ours", mode="r")
    theirs = zarr.create_array(
        tmp_path / "theirs",
        shape=features.shape,
        chunks=features.shape,
        dtype=dtype,
        compressors=(ZstdCodec(level=1), Crc32cCodec()),
        fill_value=np.nan,
        attributes=dict(ours.attrs),
    )
    theirs[...] = features.astype(dtype)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours[...], theirs[...])
    for name in ("zarr.json", "c/0/0/0/0"):
        written = [tmp_path / whose / name for whose in ("ours", "theirs")]
        assert written[0].read_bytes() == written[1].read_bytes()


def test_an_embedding_comes_back_with_all_that_it_depends_on(tmp_path):
    features = np.random.default_rng(1).normal(size=(1, 12, 8, 8)).astype(np.float32)
    # As another device or a view of a batch may lay them out.
    given = embedding_of(np.ascontiguousarray(features.transpose(0, 3, 2, 1)))
    given.features.transpose_(1, 3)
    write_entry(tmp_path / "entry", given)
    found = read_entry(tmp_path / "entry")
    assert found.features.dtype == torch.float32
    np.testing.assert_array_equal(
        found.features.numpy(), features.astype(np.float16).astype(np.float32)
    )
    assert found.geometry == given.geometry
    assert found.intensity_range == given.intensity_range
    assert found.model_digest == given.model_digest
