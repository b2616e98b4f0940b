"""Labels that are removed while a job fills them."""

import pytest

from dividing_movie import dividing_movie
from napari_segment_anything.storage.ctc import write_ctc
from napari_segment_anything.widgets import time_tracker
from napari_segment_anything.widgets.segment_dock import SegmentDock
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import add_movie, settle, start_tracking_all, track

pytestmark = pytest.mark.gui


@pytest.fixture
def warnings(monkeypatch):
    shown = []
    monkeypatch.setattr(time_tracker, "show_warning", shown.append)
    return shown


@pytest.fixture
def dock(docks, viewer_model, qtbot, warnings):
    add_movie(viewer_model)
    dock = docks(TimeDock, viewer_model)
    yield dock
    settle(dock, qtbot)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_labels_that_are_removed_are_tracked_no_more(
    dock, viewer_model, qtbot, warnings, errors
):
    dock.form.track.click()
    qtbot.waitUntil(lambda: "cells tracked" in viewer_model.layers, timeout=30_000)
    viewer_model.layers.remove("cells tracked")
    settle(dock, qtbot)
    assert dock.corrector is None
    assert names(viewer_model) == ["cells"]
    assert viewer_model.layers.selection.active is None
    assert len(warnings) == 1
    assert "“cells tracked” were removed" in warnings[0]
    assert dock.form.job.status.text().startswith("Cancelled. What was found is kept")
    # Everything works afterwards.
    assert track(dock, qtbot) is not None
    assert errors == []
    assert len(warnings) == 1


def test_labels_that_are_removed_at_the_last_step_are_not_reviewed(
    dock, viewer_model, qtbot, warnings, errors
):
    found = []
    dock.runs.found.connect(lambda *_: found.append(1))

    def remove(is_busy):
        # The job has ended; what it returned has not been looked at.
        if not is_busy:
            viewer_model.layers.remove("cells tracked")

    dock.runs.with_model(lambda: None)
    settle(dock, qtbot)
    dock.worker.is_busy_changed.connect(remove)
    dock.form.track.click()
    settle(dock, qtbot)
    dock.worker.is_busy_changed.disconnect(remove)
    assert found == []
    assert dock.corrector is None
    assert len(warnings) == 1
    assert dock.form.job.status.text().startswith("Cancelled. What was found is kept")
    assert track(dock, qtbot) is not None


def test_labels_that_are_removed_are_loaded_no_more(
    dock, viewer_model, qtbot, warnings, tmp_path
):
    path = tmp_path / "01_RES"
    labels = dividing_movie() == 1
    write_ctc(path, labels.astype("uint16"), [(1, 0, len(labels) - 1, 0)])
    dock.files.load_from(path)
    viewer_model.layers.remove("cells 01_RES")
    settle(dock, qtbot)
    assert dock.corrector is None
    assert names(viewer_model) == ["cells"]
    assert len(warnings) == 1


def test_the_main_dock_goes_on_when_its_tracked_labels_are_removed(
    docks, viewer_model, qtbot, warnings, errors
):
    add_movie(viewer_model)
    main = docks(SegmentDock, viewer_model)
    start_tracking_all(main)
    qtbot.waitUntil(lambda: "cells tracked" in viewer_model.layers, timeout=30_000)
    viewer_model.layers.remove("cells tracked")
    qtbot.waitUntil(lambda: not main.jobs.worker.is_busy, timeout=30_000)
    assert len(warnings) == 1
    main.form.start.click()
    qtbot.waitUntil(lambda: "SAM objects" in viewer_model.layers, timeout=30_000)
    assert errors == []


def test_a_viewer_that_loses_all_layers_at_once_is_told_nothing_before_the_run_ends(
    dock, viewer_model, qtbot, warnings
):
    dock.form.track.click()
    qtbot.waitUntil(lambda: "cells tracked" in viewer_model.layers, timeout=30_000)
    viewer_model.layers.clear()
    assert warnings == []
    settle(dock, qtbot)
    assert len(warnings) == 1
