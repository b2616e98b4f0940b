"""The benchmark of quality: how it reads what it measures on."""

import numpy as np
import pytest
from benchmarks.quality import pieces, read_planes

tifffile = pytest.importorskip("tifffile")


def test_slices_of_a_volume_share_one_range_of_intensities(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    volume = np.random.default_rng(0).integers(0, 10, (6, 32, 32), dtype=np.uint8)
    volume[1, :16] = 200
    tifffile.imwrite(tmp_path / "images" / "v.tif", volume)
    tifffile.imwrite(tmp_path / "labels" / "v.tif", (volume > 100).astype(np.uint16))
    planes = list(read_planes(tmp_path, None, None))
    assert [plane.name for plane in planes] == [f"v:{z}" for z in range(6)]
    assert {plane.intensity_range for plane in planes} == {planes[0].intensity_range}
    assert planes[0].intensity_range[1] == 200


def test_pieces_of_an_object_become_objects():
    labels = np.zeros((6, 9), np.uint16)
    labels[1:3, 1:3] = 4
    labels[3, 3] = 4  # touches at a corner
    labels[1:3, 6:8] = 4
    labels[3, 6:8] = 2
    labels[5, 0] = 2  # a crumb
    found = pieces(labels, 2)
    assert sorted(np.unique(found)) == [0, 1, 2, 3]
    expected = {(1, 1): 5, (1, 6): 4, (3, 6): 2}
    for place, n_pixels in expected.items():
        assert np.count_nonzero(found == found[place]) == n_pixels
    assert found[5, 0] == 0
