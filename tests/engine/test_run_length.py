import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from napari_segment_anything.engine import run_length
from napari_segment_anything.engine.run_length import decode_masks, encode_masks

masks_strategy = st.lists(
    hypothesis_numpy.arrays(
        bool, hypothesis_numpy.array_shapes(min_dims=2, max_dims=2, max_side=6)
    ),
    max_size=5,
)


def test_counts_of_a_mask_done_by_hand():
    mask = np.array([[0, 1], [1, 1], [0, 0]], bool)
    # Columns 0 1 0 and 1 1 0: one out, one in, one out, two in, one out.
    counts, n_runs = encode_masks([mask])
    np.testing.assert_array_equal(counts, [1, 1, 1, 2, 1])
    np.testing.assert_array_equal(n_runs, [5])


def test_a_mask_that_begins_inside_begins_with_zero():
    counts, n_runs = encode_masks([np.ones((2, 2), bool), np.zeros((1, 3), bool)])
    np.testing.assert_array_equal(counts, [0, 4, 3])
    np.testing.assert_array_equal(n_runs, [2, 1])


@given(masks_strategy)
def test_masks_come_back(masks):
    counts, n_runs = encode_masks(masks)
    shapes = np.array([mask.shape for mask in masks]).reshape(-1, 2)
    decoded = decode_masks(counts, n_runs, shapes)
    assert len(decoded) == len(masks)
    for mask, back in zip(masks, decoded, strict=True):
        np.testing.assert_array_equal(mask, back)


@given(masks_strategy)
def test_every_mask_has_its_own_pixels_in_its_counts(masks):
    counts, n_runs = encode_masks(masks)
    per_mask = np.split(counts, np.cumsum(n_runs)[:-1]) if masks else []
    for mask, runs in zip(masks, per_mask, strict=True):
        assert runs.sum() == mask.size
        assert runs[1::2].sum() == mask.sum()


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fill"):
        decode_masks(np.array([3]), np.array([1]), np.array([[2, 2]]))
    # The total fits, the parts do not.
    with pytest.raises(ValueError, match="do not fill"):
        decode_masks(np.array([3, 5]), np.array([1, 1]), np.array([[2, 2], [2, 2]]))


def test_masks_coded_in_parts_are_those_coded_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    masks = [rng.random((side, 7)) < 0.5 for side in (1, 9, 3, 40, 2, 2)]
    shapes = np.array([mask.shape for mask in masks])
    at_once = encode_masks(masks)
    monkeypatch.setattr(run_length, "_PIXELS_AT_ONCE", 70)
    in_parts = encode_masks(masks)
    for a, b in zip(at_once, in_parts, strict=True):
        np.testing.assert_array_equal(a, b)
    for mask, back in zip(masks, decode_masks(*in_parts, shapes), strict=True):
        np.testing.assert_array_equal(mask, back)
    with pytest.raises(ValueError, match="do not fill"):
        decode_masks(in_parts[0][:-1], in_parts[1], shapes)


def test_a_chosen_mask_does_not_keep_the_others():
    masks = [np.ones((4, 5), bool), np.zeros((3, 3), bool)]
    counts, n_runs = encode_masks(masks)
    first, _ = decode_masks(counts, n_runs, np.array([(4, 5), (3, 3)]))
    assert first.base is None or first.base.size == first.size
