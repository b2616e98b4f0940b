import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.nms import box_nms, mask_nms


def box_iou(a, b):
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(height, 0) * max(width, 0)
    return shared / (
        (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    )


def greedy(boxes, scores, threshold):
    """The rule as it is written in textbooks."""
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    kept = []
    for i in order:
        if all(box_iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


boxes_strategy = st.lists(
    st.tuples(
        st.integers(0, 8), st.integers(0, 8), st.integers(1, 6), st.integers(1, 6)
    ).map(lambda t: (t[0], t[1], t[0] + t[2], t[1] + t[3])),
    max_size=12,
)


@settings(deadline=None)
@given(boxes_strategy, st.sampled_from([0.0, 0.3, 0.7]), st.randoms())
def test_box_nms_is_the_greedy_rule(boxes, threshold, random):
    scores = [random.random() for _ in boxes]
    kept = box_nms(boxes, scores, threshold)
    assert kept.tolist() == greedy(boxes, scores, threshold)


def test_of_equal_scores_the_first_stays():
    assert box_nms([[0, 0, 4, 4], [0, 0, 4, 4]], [1, 1], 0.5).tolist() == [0]


@pytest.fixture
def whole_and_part():
    whole, part = np.ones((10, 10), bool), np.ones((4, 4), bool)
    far = np.ones((3, 3), bool)
    return MaskSet.from_masks(
        (30, 30),
        [(0, 0, 10, 10), (2, 2, 6, 6), (20, 20, 23, 23)],
        [whole, part, far],
    )


def test_a_part_is_a_duplicate_only_of_the_smaller(whole_and_part):
    scores = [0.9, 0.8, 0.1]
    assert mask_nms(whole_and_part, scores, 0.5).tolist() == [0, 1, 2]
    kept = mask_nms(whole_and_part, scores, 0.5, of_smaller=True)
    assert kept.tolist() == [0, 2]
    kept = mask_nms(whole_and_part, [0.7, 0.8, 0.1], 0.5, of_smaller=True)
    assert kept.tolist() == [1, 2]


def test_masks_that_only_share_their_box_both_stay():
    upper = np.triu(np.ones((9, 9), bool), 1)
    masks = MaskSet.from_masks((9, 9), [(0, 0, 9, 9)] * 2, [upper, upper.T])
    assert len(mask_nms(masks, [1, 1], 0.1, of_smaller=True)) == 2
    assert len(box_nms(masks.boxes, [1, 1], 0.7)) == 1


def test_nothing_to_suppress():
    assert box_nms(np.zeros((0, 4)), [], 0.5).shape == (0,)
    assert mask_nms(MaskSet.empty((3, 3)), [], 0.5).shape == (0,)
