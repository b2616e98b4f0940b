import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from napari_segment_anything.engine import coded_masks, run_length
from napari_segment_anything.engine.coded_masks import CodedMasks, joined, kept_alike

masks_strategy = st.lists(
    hypothesis_numpy.arrays(
        bool, hypothesis_numpy.array_shapes(min_dims=2, max_dims=2, max_side=6)
    ),
    max_size=8,
)


@pytest.fixture(params=[2**20, 3])
def small_batches(request, monkeypatch):
    monkeypatch.setattr(coded_masks, "_RUNS_AT_ONCE", request.param)
    monkeypatch.setattr(coded_masks, "_PIXELS_AT_ONCE", request.param)
    monkeypatch.setattr(run_length, "_PIXELS_AT_ONCE", request.param)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(masks=masks_strategy)
def test_masks_come_back_one_by_one_and_in_a_row(masks):
    coded = CodedMasks.encode(masks)
    assert len(coded) == len(masks)
    for i, (mask, back) in enumerate(zip(masks, coded, strict=True)):
        np.testing.assert_array_equal(back, mask)
        np.testing.assert_array_equal(coded[i], mask)
        np.testing.assert_array_equal(coded[i - len(masks)], mask)
    np.testing.assert_array_equal(coded.areas, [mask.sum() for mask in masks])


@pytest.mark.usefixtures("small_batches")
def test_masks_are_picked_and_joined_without_decoding(monkeypatch):
    rng = np.random.default_rng(0)
    masks = [rng.random((h, w)) < 0.5 for h, w in rng.integers(1, 9, (30, 2))]
    coded = CodedMasks.encode(iter(masks))
    chosen = np.array([29, 3, 3, 0, 17])
    monkeypatch.setattr(run_length, "decode_masks", None)
    picked = CodedMasks.concatenate([coded.select(chosen), [], masks[4:6], coded[5:2]])
    np.testing.assert_array_equal(coded.areas, [mask.sum() for mask in masks])
    monkeypatch.undo()
    expected = [*(masks[i] for i in chosen), *masks[4:6]]
    assert len(picked) == len(expected)
    for mask, back in zip(expected, picked, strict=True):
        np.testing.assert_array_equal(back, mask)


def test_no_masks():
    nothing = CodedMasks.encode([])
    assert len(nothing) == len(nothing.areas) == len(list(nothing)) == 0
    assert len(CodedMasks.concatenate([])) == 0
    assert len(nothing.select(np.zeros(0, np.intp))) == 0
    with pytest.raises(IndexError):
        nothing[0]


def test_run_lengths_that_do_not_fit_are_refused():
    for counts, n_runs in (([3], [1]), ([4, 4], [2, 0]), ([4], [2])):
        with pytest.raises(ValueError, match="do not fill"):
            CodedMasks.checked(
                np.array(counts), np.array(n_runs), np.array([(2, 2)] * 2)
            )


def test_a_generator_of_masks_is_not_gathered(monkeypatch):
    monkeypatch.setattr(coded_masks, "_PIXELS_AT_ONCE", 20)
    alive = []
    encode = run_length.encode_masks

    def watched(masks):
        alive.append(len(masks))
        return encode(masks)

    monkeypatch.setattr(run_length, "encode_masks", watched)
    assert len(CodedMasks.encode(np.ones((3, 3), bool) for _ in range(9))) == 9
    assert max(alive) == 3


def test_masks_are_kept_as_others_are():
    masks = (np.ones((2, 2), bool), np.zeros((1, 3), bool))
    coded = CodedMasks.encode(masks)
    assert isinstance(kept_alike(coded, iter(masks)), CodedMasks)
    assert isinstance(kept_alike(masks, iter(masks)), tuple)
    assert isinstance(joined([masks, coded]), CodedMasks)
    assert isinstance(joined([masks, masks]), tuple)
    assert CodedMasks.encode(coded) is coded
