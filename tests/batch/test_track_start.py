"""Tracking that starts from labels, through the whole of a job."""

from dataclasses import replace

import numpy as np
import pytest

from bright_sam import bright_predictor
from dividing_movie import N_FRAMES, dividing_movie, stack_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track import track_stack
from napari_segment_anything.batch.track_start import StartLabels, parse_frames
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import (
    InvalidImageError,
    InvalidSettingsError,
    StorageError,
)
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.tracking.words import MotionWords

# One look at each frame: it is as large as the frame of the model.
SETTINGS = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), object_diameter=40)


@pytest.fixture
def truth():
    return dividing_movie()


def tracked(truth, start, **options):
    job = track_stack(
        stack_of(truth), bright_predictor(), settings=SETTINGS, start=start, **options
    )
    return run(job)


def small(truth, ids):
    """Labels of some objects, a rim of two pixels smaller than they are."""
    labels = np.zeros_like(truth)
    for old, new in ids.items():
        for t in range(len(truth)):
            rows, columns = np.nonzero(truth[t] == old)
            if len(rows):
                part = np.s_[rows.min() + 2 : rows.max() - 1]
                across = np.s_[columns.min() + 2 : columns.max() - 1]
                labels[t, part, across] = new
    return labels


def test_labels_keep_masks_and_ids_and_what_they_lack_is_found(truth):
    given = small(truth, {1: 30})
    result = tracked(truth, StartLabels(given, are_tracks=True))
    assert ((result.labels == 30) == (given == 30)).all()
    assert result.lineage.by_id[30].frames == tuple(range(N_FRAMES))
    assert result.n_tracks == 4
    assert result.n_divisions == 1


def test_parents_that_are_known_stay(truth):
    # Track 1 is said to have been the mother of 3; it ends before.
    given = small(truth, {1: 1, 3: 3})
    given[2:][given[2:] == 1] = 0
    result = tracked(
        truth, StartLabels(given, search="nothing", are_tracks=True, parents={3: 1})
    )
    assert result.lineage.by_id[3].parent == 1


def test_only_objects_of_the_labels_are_followed(truth):
    given = np.zeros_like(truth)
    given[0] = small(truth, {2: 9})[0]
    result = tracked(truth, StartLabels(given, search="followed", are_tracks=True))
    assert result.n_tracks == 3
    assert result.lineage.by_id[9].frames == (0, 1, 2)
    assert len(result.lineage.children[9]) == 2
    assert not (result.labels[:, :40] > 0).any()


def test_locked_frames_stay_as_they_are(truth):
    given = np.zeros_like(truth)
    given[3] = small(truth, {1: 1})[3]
    result = tracked(truth, StartLabels(given, locked_frames=(3, 4)))
    assert ((result.labels[3] > 0) == (given[3] > 0)).all()
    assert not result.labels[4].any()
    assert result.labels[5].any()


def test_masks_that_are_not_locked_may_be_replaced(truth):
    given = truth.copy()
    # In frame 2 somebody has drawn half of the object only.
    given[2, 14:21, 10:24] = 0
    locked = tracked(truth, StartLabels(given, search="nothing"))
    free = tracked(truth, StartLabels(given, search="nothing", is_locked=False))
    assert (locked.labels[2] > 0).sum() == (given[2] > 0).sum()
    assert (free.labels[2] > 0).sum() > (given[2] > 0).sum() + 50
    assert set(free.table.loc[free.table["is_repaired"], "repair"]) == {"redrawn"}


def test_another_start_is_another_job(truth, tmp_path):
    given = small(truth, {1: 30})
    place = tmp_path / "out.zarr"
    tracked(truth, StartLabels(given), output=place)
    tracked(truth, StartLabels(given.copy()), output=place)
    with pytest.raises(StorageError):
        tracked(truth, StartLabels(given > 0), output=place)


def test_words_and_directions_are_part_of_the_job(truth):
    result = tracked(truth, None, linking=MotionWords(divides=False))
    assert result.n_divisions == 0
    assert not result.linking[()].division
    given = np.zeros_like(truth)
    given[2] = truth[2]
    forwards = tracked(truth, StartLabels(given, search="nothing"), backwards=False)
    assert not forwards.labels[:2].any()
    assert forwards.labels[5].any()


def test_labels_that_do_not_fit_are_refused(truth):
    with pytest.raises(InvalidImageError, match="same planes"):
        tracked(truth, StartLabels(truth[:2]))
    with pytest.raises(InvalidImageError, match="integers"):
        tracked(truth, StartLabels(truth.astype(float)))
    with pytest.raises(InvalidSettingsError, match="search"):
        StartLabels(truth, search="something")


def test_table_has_physical_units_and_intensities(truth):
    stack = stack_of(truth)
    stack.scale = {"T": 5.0, "Y": 0.5, "X": 0.5}
    stack.units = {"T": "minute", "Y": "micrometer", "X": "micrometer"}
    stack.translate = {"T": 10.0, "Y": 3.0, "X": 0.0}
    table = run(track_stack(stack, bright_predictor(), settings=SETTINGS)).table
    assert (table["area_um2"] == table["area"] * 0.25).all()
    assert (table["t_min"] == table["t"] * 5 + 10).all()
    assert (table["y_um"] == table["y"] * 0.5 + 3).all()
    # The model's masks reach a pixel beyond the objects at most.
    assert table["mean_intensity"].between(1600, 2100).all()
    assert (table["confidence"] > 0).all()


def test_lists_of_frames():
    assert parse_frames("7, 0-2;7") == (0, 1, 2, 7)
    assert parse_frames(" ") == ()
    with pytest.raises(InvalidSettingsError, match="'1-x' is no frame"):
        parse_frames("3, 1-x")
    with pytest.raises(InvalidSettingsError, match="write 2-4"):
        parse_frames("0, 4-2")
