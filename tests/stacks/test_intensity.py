import numpy as np
import pytest

from napari_segment_anything.stacks.intensity import estimate_intensity_range
from napari_segment_anything.stacks.stack import Stack


def ramp(n_frames=20):
    """Frame t holds the values 1000 t to 1000 t + 999."""
    frame = np.arange(10_000, dtype=np.float32).reshape(100, 100) / 10
    return frame + 1000 * np.arange(n_frames, dtype=np.float32)[:, None, None]


def test_one_range_spans_the_whole_stack():
    low, high = estimate_intensity_range(Stack(ramp(), "TYX"), n_planes=20)
    # The range of a uniform ramp is its percentiles, up to sampling.
    assert low == pytest.approx(0.001 * 20_000, abs=15)
    assert high == pytest.approx(0.999 * 20_000, abs=15)


def test_a_hot_pixel_and_missing_values_do_not_widen_it():
    clean = ramp()
    spoiled = clean.copy()
    spoiled[3, 0, 0] = 1e9
    spoiled[:, 5, :3] = np.nan
    spoiled[:, 6, :3] = np.inf
    expected = estimate_intensity_range(Stack(clean, "TYX"))
    found = estimate_intensity_range(Stack(spoiled, "TYX"))
    assert found == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_flat_stacks_have_a_finite_range(value):
    stack = Stack(np.full((3, 16, 16), value, np.float32), "TYX")
    assert np.isfinite(estimate_intensity_range(stack)).all()


def test_only_the_sampled_planes_are_read():
    read = []

    class Watched(Stack):
        def read(self, index=()):
            read.append(tuple(index))
            return super().read(index)

    stack = Watched(ramp(20), "TYX")
    first = estimate_intensity_range(stack, n_planes=4)
    assert read == [(0,), (6,), (13,), (19,)]
    assert estimate_intensity_range(stack, n_planes=4) == first


def test_a_single_rgb_plane_has_a_range():
    data = np.random.default_rng(0).integers(10, 200, (32, 32, 3), np.uint8)
    low, high = estimate_intensity_range(Stack(data, "YXS"))
    assert 10 <= low < high <= 200
