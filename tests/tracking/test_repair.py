"""Repairs with and without a decoder that answers well."""

import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.contradiction import Break
from napari_segment_anything.tracking.followed import only_followed
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.propagation import track_masks
from napari_segment_anything.tracking.repair import repair_frame
from napari_segment_anything.tracking.repair_settings import RepairSettings

from . import movies
from .test_propagation import full_masks, run


class Silent(movies.TruthPredictor):
    """Believes in none of its answers."""

    def __init__(self, truth):
        super().__init__(truth, confidence=0.0)


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def test_merged_mask_is_divided_without_the_model():
    truth = movies.apart()
    _, result = run(track_masks(movies.merged_then_split(), Silent(truth)))
    frame = result.frames[3]
    assert len(frame) == 2
    for k in range(2):
        best = max(iou(frame.full_mask(k), truth[3].full_mask(j)) for j in range(2))
        assert best > 0.85
    repairs = list(result.repairs.values())
    assert {(r.word, r.by_model) for r in repairs} == {("split", False)}
    assert all(0.5 < r.confidence < 1 for r in repairs)


@pytest.mark.parametrize(("sure", "n_objects"), [(0.95, 1), (0.6, 2)])
def test_a_mask_that_the_model_is_sure_of_is_not_divided_by_guess(sure, n_objects):
    frames = movies.merged_then_split()
    both = frames[3]
    frames[3] = MaskSet.from_masks(
        both.shape, both.boxes, both.masks, predicted_iou=[sure]
    )
    hesitant = movies.TruthPredictor(movies.apart(), confidence=0.7)
    steps = track_masks(frames, hesitant, repair=RepairSettings(carry=False))
    _, result = run(steps)
    assert len(result.frames[3]) == n_objects


def test_fragments_are_joined_without_the_model():
    truth = [movies.disks((48, 60 + t, 12), (20, 130, 9)) for t in range(7)]
    _, result = run(track_masks(movies.broken_for_a_moment(), Silent(truth)))
    assert len(result.frames[3]) == 2
    (node,) = result.repairs
    assert result.repairs[node].word == "joined"
    assert iou(result.frames[3].full_mask(node[1]), truth[3].full_mask(0)) > 0.95


def test_gap_is_filled_from_both_sides_but_hardly_believed():
    truth = [movies.disks((40, 50 + 2 * t, 9), (70, 120, 9)) for t in range(7)]
    _, result = run(track_masks(movies.one_frame_gap(), Silent(truth)))
    ((node, repair),) = result.repairs.items()
    assert node[0] == 3
    assert (repair.word, repair.by_model) == ("filled", False)
    assert repair.confidence == pytest.approx(0.3)
    assert iou(result.frames[3].full_mask(node[1]), truth[3].full_mask(0)) > 0.9
    assert any(d.frame == 3 and "neighbours" in d.reason for d in result.doubts)


def test_nothing_is_carried_beyond_an_end_without_the_model():
    truth = [movies.disks((40, 50 + t, 9), (70, 120, 9)) for t in range(6)]
    frames = [f.select([0, 1]) if t < 4 else f.select([1]) for t, f in enumerate(truth)]
    _, result = run(track_masks(frames, Silent(truth)))
    assert result.repairs == {}


def test_of_three_masks_the_one_that_fits_its_neighbours_is_taken():
    truth = [movies.disks((48, 60 + t, 12), (20, 130, 9)) for t in range(7)]
    # In frame 3 detection has chosen the mask of a part.
    frames = list(truth)
    small = movies.disks((48, 63, 7), (20, 130, 9))
    frames[3] = small
    _, result = run(track_masks(frames, movies.TruthPredictor(truth)))
    assert full_masks(result.frames[3]) == full_masks(truth[3])
    assert [r.word for r in result.repairs.values()] == ["redrawn"]
    # A decoder that insists on the part changes nothing.
    insists = movies.TruthPredictor([*truth[:3], small, *truth[4:]])
    _, same = run(track_masks(frames, insists))
    assert same.frames[3] is small


@pytest.mark.parametrize(
    ("forwards", "backwards", "seen"),
    [(True, True, range(9)), (True, False, range(4, 9)), (False, True, range(5))],
)
def test_one_annotated_frame_is_carried_both_ways(forwards, backwards, seen):
    truth = [movies.disks((40, 40 + 3 * t, 9), (70, 120 - 2 * t, 9)) for t in range(9)]
    frames = [f if t == 4 else movies.disks() for t, f in enumerate(truth)]
    known = Known(objects=frozenset({(4, 0), (4, 1)}))
    steps = track_masks(
        frames,
        movies.TruthPredictor(truth),
        known=known,
        repair=RepairSettings(max_carried=None),
        forwards=forwards,
        backwards=backwards,
    )
    _, result = run(steps)
    assert result.lineage.n_tracks == 2
    for t in range(9):
        expected = full_masks(truth[t]) if t in seen else set()
        assert full_masks(result.frames[t]) == expected


def test_only_relatives_of_an_object_are_followed():
    _, result = run(track_masks(movies.division()))
    followed = only_followed(result, [(0, 0)])
    assert [len(frame) for frame in followed.frames] == [1, 1, 1, 1, 2, 2, 2]
    assert len(followed.lineage.divisions) == 1
    back = only_followed(result, [(6, 1)])
    # A sister is a relative of the mother, but not of the daughter.
    assert [len(frame) for frame in back.frames] == [1, 1, 1, 1, 1, 1, 1]
    assert np.all(back.frames[6].boxes == result.frames[6].select([1]).boxes)


@pytest.mark.parametrize(("sure", "n_new"), [(0.8, 1), (0.9, 0)])
def test_fragments_that_are_surer_than_the_whole_stay_apart(sure, n_new):
    truth = [movies.disks((48, 63, 12), (20, 130, 9))]
    parts = movies.broken_for_a_moment()[3]
    scores = [sure] * len(parts)
    parts = MaskSet.from_masks(
        parts.shape, parts.boxes, parts.masks, predicted_iou=scores
    )
    inside = parts.intersection_matrix(truth[0])[:, 0] > 0
    fragments = tuple(np.flatnonzero(inside).tolist())
    assert len(fragments) == 2
    one = Break("fragments", 0, truth[0].select([0]), fragments)
    settings = RepairSettings(carry=False)
    whole = movies.TruthPredictor(truth, confidence=0.85)
    made = repair_frame(parts, [one], whole, settings)
    assert len(made.repairs) == n_new
