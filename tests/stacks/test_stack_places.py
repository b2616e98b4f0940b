import dask.array as da
import numpy as np
import pytest
import zarr

from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.stacks.places import lies_in, places_of

DATA = np.ones((3, 8, 9), np.uint16)


@pytest.fixture
def written(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("0", data=DATA, chunks=(1, 8, 9))
    return tmp_path / "a.zarr"


@pytest.mark.parametrize(
    "wrap",
    [
        str,
        lambda path: f"file://{path}",
        lambda path: zarr.open(path, mode="r"),
        lambda path: da.from_array(zarr.open(path, mode="r"))[1:] + 1,
        da.from_zarr,
    ],
)
def test_whatever_reads_a_zarr_tells_where_it_lies(written, wrap):
    stack = open_stack(wrap(str(written / "0")), axes="ZYX").select(Z=0)
    places = places_of(stack)
    assert places
    assert all(place == written / "0" for place in places)


def test_a_memory_map_has_a_place_and_an_array_has_none(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert set(places_of(mapped)) == {tmp_path / "a.npy"}
    assert places_of(DATA) == places_of(None) == places_of(da.from_array(DATA)) == []


def test_a_place_is_known_by_all_its_names(written, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(written)
    monkeypatch.chdir(tmp_path)
    for name in ("a.zarr", "a.zarr/0", "link", "link/0", "../{}/a.zarr/0"):
        assert lies_in(written.parent / name.format(tmp_path.name), written)
        assert lies_in(written / "0", tmp_path / "link")
    assert not lies_in(tmp_path, written)
    assert not lies_in(tmp_path / "a.zarr2", written)
    assert not lies_in(written, tmp_path / "missing")
