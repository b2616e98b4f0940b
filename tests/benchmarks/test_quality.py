"""The benchmark of quality: how it reads what it measures on."""

import numpy as np
import pytest
from benchmarks.quality import read_planes

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
