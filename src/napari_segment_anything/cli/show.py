"""Open a result in napari."""

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_segment_anything.errors import (
    MissingDependencyError,
    SegmentAnythingError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_segment_anything.batch.segment import SegmentResult
    from napari_segment_anything.batch.track_result import TrackResult
    from napari_segment_anything.stacks.stack import Stack

_INSTALL = "install it with, in a clone of this project: pip install '.[all]'"
_DISPLAYLESS_PLATFORMS = ("offscreen", "minimal", "vnc")


class NoDisplayError(SegmentAnythingError, RuntimeError):
    """There is no display to open a window on."""


def check_show() -> None:
    """Find out whether a window can be opened, before hours of work.

    Raises
    ------
    MissingDependencyError
        If napari or a Qt binding is not installed.
    NoDisplayError
        If this machine has no display.
    """
    if importlib.util.find_spec("napari") is None:
        raise MissingDependencyError(f"--show needs napari; {_INSTALL}.")
    try:
        import qtpy  # noqa: F401
    except (ImportError, RuntimeError) as error:
        raise MissingDependencyError(
            f"--show needs a Qt binding; {_INSTALL}."
        ) from error
    needs_display = sys.platform.startswith("linux") and not os.environ.get(
        "QT_QPA_PLATFORM", ""
    ).startswith(_DISPLAYLESS_PLATFORMS)
    if needs_display and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise NoDisplayError(
            "There is no display for --show; run without it, and open the result in "
            "napari on a machine that has one."
        )


def show_result(stack: "Stack", result: "SegmentResult | TrackResult") -> None:
    """Show image, labels and, where there are any, tracks; return on closing."""
    import napari

    from napari_segment_anything.batch.result_overlay import read_labels
    from napari_segment_anything.batch.track_result import TrackResult

    axes = stack.index_axes + "".join(stack.plane_axes)
    placed: dict[str, Any] = {
        "scale": [stack.scale.get(letter, 1.0) for letter in axes],
        "axis_labels": list(axes.lower()),
    }
    viewer = napari.Viewer(title=stack.name or "Segment Anything")
    viewer.add_image(
        _lazy(stack, stack.read, np.dtype(stack.dtype), is_rgb=stack.is_rgb),
        name="Image",
        rgb=stack.is_rgb,
        contrast_limits=None if stack.is_rgb else list(result.intensity_range),
        **placed,
    )
    labels = _lazy(
        stack, lambda index: read_labels(result.labels, index), np.dtype(np.int32)
    )
    viewer.add_labels(labels, name="Labels", **placed)
    if isinstance(result, TrackResult) and len(result.table):
        data, graph, features = result.napari_tracks()
        viewer.add_tracks(data, graph=graph, features=features, name="Tracks", **placed)
    napari.run()


def _lazy(
    stack: "Stack",
    read: "Callable[[tuple[int, ...]], npt.NDArray[Any]]",
    dtype: np.dtype[Any],
    *,
    is_rgb: bool = False,
) -> Any:
    """Return a dask array whose blocks are planes, read when they are shown."""
    import dask.array

    n_index = len(stack.index_axes)
    ones = tuple((1,) * length for length in stack.index_shape)
    colours = ((3,),) if is_rgb else ()

    def read_block(block_id: tuple[int, ...]) -> npt.NDArray[Any]:
        plane = read(block_id[:n_index])
        return plane[(np.newaxis,) * n_index]

    return dask.array.map_blocks(  # type: ignore[no-untyped-call]
        read_block,
        chunks=(*ones, *((length,) for length in stack.plane_shape), *colours),
        dtype=dtype,
        meta=np.empty((0,) * (n_index + 2 + len(colours)), dtype),
    )
