import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.packed_masks import PackedMasks, packed

shapes = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5)


@given(shapes, st.integers(0, 99))
def test_masks_come_back_as_they_were(sizes, seed):
    rng = np.random.default_rng(seed)
    masks = [rng.random(size) < 0.5 for size in sizes]
    held = PackedMasks(masks)
    assert len(held) == len(masks)
    for mask, same, sliced in zip(masks, held, held[:], strict=True):
        assert same.dtype == bool
        np.testing.assert_array_equal(mask, same)
        np.testing.assert_array_equal(mask, sliced)


def test_negative_indices_and_the_end():
    held = PackedMasks([np.ones((2, 3), bool), np.zeros((4, 1), bool)])
    assert held[-1].shape == (4, 1)
    with pytest.raises(IndexError):
        held[2]


def test_small_objects_take_an_eighth_and_answer_the_same():
    y, x = np.mgrid[-12:13, -12:13]
    disk = y**2 + x**2 <= 100
    boxes = [(30 * k, 0, 30 * k + 25, 25) for k in range(100)]
    loose = MaskSet.from_masks((3000, 40), boxes, [disk.copy() for _ in boxes])
    held = packed(loose)
    assert held.masks.nbytes < 100 * (disk.nbytes / 8 + 20)
    assert packed(held) is held
    np.testing.assert_array_equal(held.areas, loose.areas)
    np.testing.assert_array_equal(held.centroids, loose.centroids)
    np.testing.assert_array_equal(
        held.select([3, 5]).intersection_matrix(loose),
        loose.select([3, 5]).intersection_matrix(loose),
    )
    assert len(MaskSet.concatenate([held, loose])) == 200
