import numpy as np
import pytest

from napari_segment_anything.engine import banded_plane
from napari_segment_anything.engine.banded_plane import BandedPlane, rows_of


class Source:
    """Counts how often each band is read."""

    def __init__(self, pixels, n_rows):
        self.pixels, self.reads = pixels, []
        self.plane = BandedPlane(pixels.shape, pixels.dtype, self.read, n_rows=n_rows)

    def read(self, rows):
        self.reads.append((rows.start, rows.stop))
        return self.pixels[rows]


@pytest.mark.parametrize("shape", [(23, 17), (23, 17, 3)])
def test_parts_are_those_of_the_array(shape):
    pixels = np.random.default_rng(0).integers(0, 999, shape, dtype=np.uint16)
    plane = Source(pixels, 5).plane
    for key in (
        slice(None),
        slice(3, 4),
        (slice(4, 16), slice(2, 9)),
        (slice(None, None, 3), slice(None, None, 2)),
        (slice(7, 22, 9), slice(1, None, 4)),
        slice(30, 40),
        slice(-2, None),
    ):
        np.testing.assert_array_equal(plane[key], pixels[key])
    np.testing.assert_array_equal(np.asarray(plane), pixels)
    assert (plane.ndim, plane.size, plane.nbytes) == (
        pixels.ndim,
        pixels.size,
        pixels.nbytes,
    )


def test_tiles_row_by_row_read_each_band_once():
    source = Source(np.arange(40 * 12).reshape(40, 12), 4)
    for top in (0, 8, 16, 24):
        for left in (0, 6):
            source.plane[top : top + 16, left : left + 6]
    assert source.reads == [(top, top + 4) for top in range(0, 40, 4)]


def test_no_more_bands_are_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(banded_plane, "_KEPT_BYTES", 3 * 4 * 12 * 8)
    source = Source(np.arange(40 * 12).reshape(40, 12), 4)
    for top in range(0, 40, 4):
        source.plane[top : top + 4]
        assert len(source.plane._kept) <= 3
    source.plane[36:40]
    assert len(source.reads) == 10


def test_an_array_is_looked_at_at_once_and_a_banded_plane_in_parts():
    assert list(rows_of(np.zeros((5000, 2)))) == [slice(0, 5000)]
    plane = BandedPlane((2500, 2), int, lambda rows: np.zeros((2500, 2))[rows])
    assert list(rows_of(plane)) == [
        slice(0, 1024),
        slice(1024, 2048),
        slice(2048, 2500),
    ]
