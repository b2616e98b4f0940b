"""Somebody who uses the dock *Time*, and waits until it is ready."""

import numpy as np

from dividing_movie import dividing_movie


def picture(labels):
    return (100 + 2000 * (labels > 0)).astype(np.uint16)


def add_movie(viewer, name="cells"):
    layer = viewer.add_image(
        picture(dividing_movie()), name=name, axis_labels=tuple("tyx")
    )
    viewer.dims.set_point(0, 0)
    return layer


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


def start_tracking_all(main):
    """Press the button of the main dock."""
    main.form.everything_time.click()


def wait_for_tracks(main, qtbot):
    """Wait until they are there, and drawn where no other dock takes them."""

    def is_done():
        is_drawing = any(one.is_busy for one in main.workbench._offered)
        return not (main.jobs.worker.is_busy or is_drawing)

    qtbot.waitUntil(is_done, timeout=30_000)


def track_all(main, qtbot):
    start_tracking_all(main)
    wait_for_tracks(main, qtbot)
