"""Nothing of a viewer stays in memory once its window is closed.

The windows are shown, and the canvas gets clicks and keys from Qt: what listens to a
window starts to do so when it is shown.
"""

import gc
import os
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_segment_anything.models import load

pytestmark = [
    pytest.mark.gui,
    pytest.mark.skipif(
        os.environ.get("QT_QPA_PLATFORM") == "offscreen",
        reason="a canvas is drawn on a display only",
    ),
]
PLUGIN = "napari-segment-anything"
BUTTONS, KEYS = Qt.MouseButton, Qt.Key


@pytest.fixture
def nothing_stays():
    """Checked after the viewer is closed: requested before the viewer, ended after."""
    watched = {}

    def watch(**objects):
        watched.update((name, weakref.ref(one)) for name, one in objects.items())

    yield watch
    # The docks that were closed before end after the window.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert watched
    assert [name for name, one in watched.items() if one() is not None] == []


@pytest.fixture
def viewer(nothing_stays, make_napari_viewer, monkeypatch, predictor, movie, qtbot):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    viewer = make_napari_viewer(show=True)
    viewer.add_image(movie, name="movie", axis_labels="tyx")
    viewer.dims.set_point(0, 0)
    qtbot.wait(100)
    return viewer


@pytest.fixture
def open_dock(viewer, nothing_stays):
    def open_dock(name):
        _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        nothing_stays(window=dock.window(), image=viewer.layers["movie"])
        nothing_stays(**{f"dock {id(dock)}": dock})
        return dock

    return open_dock


@pytest.fixture
def click(viewer, qtbot):
    """Clicks on a pixel of the image, as Qt tells the canvas about it."""

    def click(window, y, x, button=BUTTONS.LeftButton):
        canvas = next(
            widget
            for widget in window.findChildren(QWidget)
            if type(widget).__name__ == "CanvasBackendDesktop"
        )
        offset = (np.array([y, x]) - viewer.camera.center[-2:]) * viewer.camera.zoom
        row, column = offset + np.array([canvas.height(), canvas.width()]) / 2
        place = QPoint(round(column), round(row))
        QTest.mouseClick(canvas, button, Qt.KeyboardModifier.NoModifier, place)
        qtbot.wait(100)
        return canvas

    return click


def accept_an_object(dock, click, qtbot):
    dock.form.start.click()
    # What starts annotating loads the model first.
    qtbot.waitUntil(lambda: dock.jobs.model is not None, timeout=20_000)
    results = dock.annotator.layers.results.layer
    points = dock.annotator.layers.prompts.points
    click(dock.window(), 24, 104)
    canvas = click(dock.window(), 24, 80, BUTTONS.RightButton)
    np.testing.assert_allclose(points.data, [[0, 24, 104], [0, 24, 80]], atol=0.5)
    assert points.features["polarity"].tolist() == ["inside", "outside"]
    qtbot.waitUntil(dock.form.accept.isEnabled, timeout=20_000)
    qtbot.waitUntil(lambda: not dock.annotator.is_thinking, timeout=20_000)
    QTest.keyClick(canvas, KEYS.Key_N)
    qtbot.waitUntil(lambda: results.data[0, 24, 104] == 1, timeout=20_000)


def test_the_main_dock_after_clicks_and_accepting(open_dock, click, qtbot):
    accept_an_object(open_dock("Segment Anything"), click, qtbot)


@pytest.mark.parametrize("is_opened_again", [True, False])
def test_the_main_dock_after_it_was_closed(
    open_dock, viewer, click, qtbot, is_opened_again
):
    dock = open_dock("Segment Anything")
    accept_an_object(dock, click, qtbot)
    viewer.window.remove_dock_widget(dock)
    if is_opened_again:
        again = open_dock("Segment Anything")
        assert again is not dock
        assert again.annotator is not None
        qtbot.waitUntil(lambda: not again.annotator.is_thinking, timeout=20_000)
        qtbot.waitUntil(lambda: not again._model_list.is_busy, timeout=20_000)


@pytest.mark.parametrize("name", ["Time", "Embeddings"])
def test_another_dock_after_it_was_closed(open_dock, viewer, qtbot, name):
    dock = open_dock(name)
    qtbot.wait(100)
    viewer.window.remove_dock_widget(dock)
    qtbot.wait(100)


def test_the_embeddings_dock_after_embedding(open_dock, qtbot):
    dock = open_dock("Embeddings")
    dock.form.embed_all.click()
    ready = dock.form.strips
    qtbot.waitUntil(lambda: ready["T"].is_ready.all(), timeout=20_000)
    qtbot.waitUntil(lambda: not dock.embedder.worker.is_busy, timeout=20_000)
    qtbot.waitUntil(lambda: not dock._sizes.is_busy, timeout=20_000)


def test_the_time_dock_after_tracking(open_dock, viewer, qtbot):
    dock = open_dock("Time")
    dock.form.track.click()
    qtbot.waitUntil(lambda: "movie tracks" in viewer.layers, timeout=20_000)
    qtbot.waitUntil(lambda: not dock.worker.is_busy, timeout=20_000)
