"""From a movie to tracks, with a stand-in model that segments what is bright."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from bright_sam import bright_predictor, work_of
from dividing_movie import N_FRAMES, dividing_movie, stack_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track import track_stack
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import (
    InvalidAxesError,
    InvalidImageError,
    StorageError,
)
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.label_store import LabelStore

# One look at each frame: it is as large as the frame of the model.
SETTINGS = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), object_diameter=40)


def cores(labels):
    """Labels without the rim of each object, where masks may differ by a pixel."""
    is_core = ndimage.minimum_filter(labels, (1, 5, 5)) == ndimage.maximum_filter(
        labels, (1, 5, 5)
    )
    return np.where(is_core, labels, 0)


def overlap(found, expected):
    """Intersection over union of everything that is no ground."""
    found, expected = found > 0, expected > 0
    return np.count_nonzero(found & expected) / np.count_nonzero(found | expected)


@pytest.fixture
def stack():
    return stack_of(dividing_movie())


@pytest.fixture
def predictor():
    return bright_predictor()


def test_objects_keep_their_id_and_divisions_have_parents(stack, predictor):
    result = run(track_stack(stack, predictor))
    assert (result.n_frames, result.n_tracks, result.n_divisions) == (6, 4, 1)
    assert result.n_objects == 3 * 2 + 3 * 3
    truth = cores(dividing_movie())
    pairs = np.unique(np.stack([truth[truth > 0], result.labels[truth > 0]]), axis=1)
    ids = dict(pairs.T.tolist())
    # Each true track is one id, and the other way round.
    assert pairs.shape[1] == len(set(ids.values())) == 4
    parents = {track.id: track.parent for track in result.lineage.tracks}
    assert parents == {ids[1]: 0, ids[2]: 0, ids[3]: ids[2], ids[4]: ids[2]}
    assert overlap(result.labels, dividing_movie()) > 0.9


def test_the_table_and_the_tracks_layer_say_the_same(stack, predictor):
    result = run(track_stack(stack, predictor))
    data, graph, features = result.napari_tracks()
    assert len(data) == len(result.table) == result.n_objects
    assert graph == {
        track.id: [track.parent] for track in result.lineage.tracks if track.parent
    }
    for track_id, t, y, x in data:
        assert result.labels[int(t), round(y), round(x)] == track_id
    assert all(len(values) == len(data) for values in features.values())
    assert (np.diff(data[:, 0]) >= 0).all()


def test_progress_goes_forward_in_every_stage(stack, predictor):
    seen = []
    run(track_stack(stack, predictor), seen.append)
    stages = list(dict.fromkeys(p.stage for p in seen))
    assert stages[0] == "detect"
    assert stages[-1] == "write"
    assert all(p.done <= p.total for p in seen)
    for stage in ("detect", "write"):
        done = [p.done for p in seen if p.stage == stage]
        assert done == sorted(done)
        assert done[-1] == N_FRAMES


@pytest.mark.parametrize("stage", ["detect", "write"])
def test_a_cancelled_job_continues_with_the_same_result(stack, tmp_path, stage):
    uninterrupted = bright_predictor()
    expected = run(track_stack(stack, uninterrupted, settings=SETTINGS))
    predictor = bright_predictor()
    output = tmp_path / "out.ome.zarr"
    job = track_stack(stack, predictor, output=output, settings=SETTINGS)
    for progress in job:
        if (progress.stage, progress.done) == (stage, 4):
            break
    job.close()
    before = work_of(predictor)
    result = run(track_stack(stack, predictor, output=output, settings=SETTINGS))
    n_encoded, n_decoded = np.subtract(work_of(predictor), before)
    n_left = 2 if stage == "detect" else 0
    # And once more for repair, which asks whether the daughters are two already.
    assert n_encoded == n_left + 1
    assert n_decoded == n_left + 1
    assert result.n_resumed == N_FRAMES - n_left
    labels = [result.labels.read_plane((t,)) for t in range(N_FRAMES)]
    np.testing.assert_array_equal(labels, expected.labels)
    assert result.table.equals(expected.table)


def test_a_missed_object_is_found_again_by_prompting(tmp_path):
    labels = dividing_movie()[:5]
    stack = stack_of(labels)
    predictor = bright_predictor()
    propose = predictor._sam.propose
    calls = []

    def forgetful(embedding):
        maps = propose(embedding)
        calls.append(None)
        if len(calls) == 3:  # the third frame
            maps[0, :3, 10:30] = -8.0  # the upper object is not proposed
        return maps

    predictor._sam.propose = forgetful
    plain = run(track_stack(stack, predictor, repair=False, settings=SETTINGS))
    assert not plain.labels[2][labels[2] == 1].any()
    assert plain.n_objects == 11
    calls.clear()
    repaired = run(track_stack(stack, predictor, settings=SETTINGS))
    assert repaired.n_objects == 12
    assert repaired.n_repaired == 1
    assert overlap(repaired.labels, labels) > 0.9
    assert len(np.unique(repaired.labels[cores(labels) == 1])) == 1


def test_each_slice_is_followed_for_itself_with_ids_of_its_own(predictor, tmp_path):
    labels = dividing_movie()
    both = np.stack([labels, labels[::-1] * 0 + labels[:, ::-1]], axis=1)
    stack = stack_of(both, "TZYX")
    result = run(track_stack(stack, predictor, output=tmp_path / "out.zarr"))
    assert (result.n_frames, result.n_tracks, result.n_divisions) == (12, 8, 2)
    assert set(result.lineages) == {(0,), (1,)}
    ids = [
        {
            i
            for t in range(N_FRAMES)
            for i in np.unique(result.labels.read_plane((t, z)))
        }
        for z in range(2)
    ]
    assert ids[0] & ids[1] == {0}
    data, _, _ = result.napari_tracks()
    assert data.shape == (len(result.table), 5)
    with pytest.raises(InvalidAxesError, match="2 lineages"):
        _ = result.lineage


def test_slices_of_a_volume_are_followed_where_there_is_no_time(predictor):
    stack = stack_of(dividing_movie(), "ZYX")
    result = run(track_stack(stack, predictor))
    assert result.axis == "Z"
    assert "z" in result.table
    assert result.n_tracks == 4


@pytest.mark.parametrize(("axes", "axis"), [("YX", None), ("TYX", "Z")])
def test_without_an_axis_there_is_nothing_to_follow(predictor, axes, axis):
    data = np.ones((2, 8, 8), np.uint8)
    stack = Stack(data[0] if axes == "YX" else data, axes)
    with pytest.raises(InvalidAxesError, match=r"follow.*axes='TYX' \(--axes TYX\)"):
        run(track_stack(stack, predictor, axis=axis))


def test_an_empty_movie_has_no_tracks(predictor):
    result = run(track_stack(Stack(np.zeros((3, 20, 20)), "TYX"), predictor))
    assert (result.n_objects, result.n_tracks) == (0, 0)
    assert not result.labels.any()


def test_another_job_is_not_overwritten(stack, predictor, tmp_path):
    run(track_stack(stack, predictor, output=tmp_path / "out.zarr"))
    job = track_stack(stack, predictor, repair=False, output=tmp_path / "out.zarr")
    with pytest.raises(StorageError, match="another"):
        run(job)
    store = LabelStore.open(tmp_path / "out.zarr")
    assert all(store.done((t,)) for t in range(N_FRAMES))


def test_a_plane_larger_than_the_frame_is_tracked_in_tiles(predictor):
    labels = np.zeros((4, 96, 400), np.int32)
    for t in range(4):
        labels[t, 20:50, 30 + 8 * t : 60 + 8 * t] = 1
        labels[t, 50:80, 300 - 8 * t : 330 - 8 * t] = 2
    result = run(track_stack(stack_of(labels), predictor))
    assert result.n_tracks == 2
    assert overlap(result.labels, labels) > 0.9


@pytest.mark.parametrize(
    ("source", "how"),
    [(np.zeros((2, 8, 8)), r"open_stack\(array, axes="), ("a.tif", "open_stack.path")],
)
def test_what_was_not_opened_is_refused_with_the_way_to_open_it(predictor, source, how):
    with pytest.raises(InvalidImageError, match=how):
        run(track_stack(source, predictor))
