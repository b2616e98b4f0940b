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
    drawer = None if dock.corrector is None else dock.corrector.shown
    return not dock.worker.is_busy and (drawer is None or not drawer.is_busy)


def settle(dock, qtbot):
    qtbot.waitUntil(lambda: is_idle(dock), timeout=30_000)


def track(dock, qtbot):
    dock.form.track.click()
    settle(dock, qtbot)
    return dock.corrector
