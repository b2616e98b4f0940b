"""Somebody who uses the dock *Time*, and waits until it is ready."""

import numpy as np

from dividing_movie import dividing_movie


def picture(labels):
    return (100 + 2000 * (labels > 0)).astype(np.uint16)


def add_deep_movie(viewer):
    """Two slices with the dividing movie; the second one is upside down."""
    labels = dividing_movie()
    data = np.stack([picture(labels), picture(labels[:, ::-1])], axis=1)
    layer = viewer.add_image(data, name="deep", axis_labels=tuple("tzyx"))
    viewer.dims.set_point(1, 1)
    return layer


def is_idle(dock):
    corrector = dock.corrector
    readers = () if corrector is None else (corrector.shown, corrector.sight)
    return not any(one.is_busy for one in (dock.worker, *readers))


def settle(dock, qtbot):
    qtbot.waitUntil(lambda: is_idle(dock), timeout=30_000)


def track(dock, qtbot):
    dock.form.track.click()
    settle(dock, qtbot)
    return dock.corrector
