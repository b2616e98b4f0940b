"""From a layer and a viewer to the plane that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

from napari_segment_anything.session.planes import PlaneId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

_WORDS = {"time": "T", "frame": "T", "position": "P", "channel": "C", "depth": "Z"}
_DEFAULT_AXES = {2: "YX", 3: "TYX", 4: "TZYX", 5: "TCZYX", 6: "PTCZYX"}
_CHOICES = {
    2: ("YX",),
    3: ("TYX", "ZYX", "CYX"),
    4: ("TZYX", "TCYX", "CZYX"),
    5: ("TCZYX", "TZCYX"),
    6: ("PTCZYX",),
}


def guess_axes(layer: Image) -> str:
    """Name the axes of an image layer, without the samples of RGB.

    The layer's own ``axis_labels`` win where each of them can be read as a letter;
    otherwise the commonest order for that number of dimensions is taken, which the
    user can change.

    Returns
    -------
    str
        One letter per dimension of the layer; empty when there are too many.
    """
    labelled = _letters(layer.axis_labels)
    if labelled is not None:
        return labelled
    return _DEFAULT_AXES.get(layer.ndim, "")


def has_unnamed_axes(layer: Image) -> bool:
    """Whether the layer leaves open what its sliders mean."""
    return _letters(layer.axis_labels) is None and len(axes_choices(layer.ndim)) > 1


def axes_choices(n_dimensions: int) -> tuple[str, ...]:
    """Usual axes for a number of dimensions, the commonest first."""
    return _CHOICES.get(n_dimensions, ())


def _letters(axis_labels: Sequence[str]) -> str | None:
    words = [str(label).strip() for label in axis_labels]
    letters = "".join(
        word.upper() if len(word) == 1 else _WORDS.get(word.lower(), "?")
        for word in words
    )
    is_known = set(letters) <= set("TPCZYX") and len(set(letters)) == len(letters)
    return letters if is_known and {"Y", "X"} <= set(letters) else None


def image_data(layer: Image | Labels) -> Any:
    """Return the array of an image or labels layer at its whole resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def image_shape(layer: Image) -> tuple[int, ...]:
    """Shape of an image layer at its whole resolution, without RGB samples."""
    shape = tuple(int(length) for length in image_data(layer).shape)
    return shape[: layer.ndim]


def stack_axes(layer: Image, axes: str) -> str:
    """Axes of an image layer's array: those of the layer, then RGB samples if any."""
    return axes + "S" if layer.rgb else axes


def displayed_plane(viewer: ViewerModel, layer: Layer, axes: str) -> PlaneId | None:
    """Find the plane of a layer that a viewer shows.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer; its sliders and the order of its axes decide.
    layer : Layer
        A layer of the viewer.
    axes : str
        One letter per dimension of the layer.

    Returns
    -------
    PlaneId or None
        None in 3-D, where the sliders lie outside of the layer, or where a plane of
        the layer is cut at an angle.
    """
    dims = viewer.dims
    offset = dims.ndim - layer.ndim
    if dims.ndisplay != 2 or layer.ndim < 2 or offset < 0:
        return None
    # `dims.displayed` speaks of the viewer's axes; a layer with fewer dimensions lines
    # up with the last of them.
    order = [axis - offset for axis in dims.order if axis >= offset]
    shown = sorted(order[-2:])
    position = np.rint(layer.world_to_data(dims.point)).astype(int)
    index = []
    for axis, letter in enumerate(axes):
        if axis in shown:
            continue
        low, high = layer_range(layer, axis)
        if not low <= position[axis] < high:
            return None
        index.append((letter, int(position[axis])))
    return PlaneId((axes[shown[0]], axes[shown[1]]), tuple(index))


def layer_range(layer: Layer, axis: int) -> tuple[int, int]:
    """First and past-the-last position of a layer along one of its axes."""
    low, high = layer.extent.data[:, axis]
    # An image's extent reaches half a pixel beyond the outer pixel centres in some
    # versions of napari and not in others; rounding up covers both.
    return int(np.ceil(low - 0.25)), int(np.floor(high + 0.25)) + 1


def layer_index(plane: PlaneId, axes: str) -> list[int | None]:
    """Position of a plane along each axis of a layer, None for the plane axes."""
    return [plane.position(letter) for letter in axes]


def move_slider(viewer: ViewerModel, layer: Layer, axis: int, position: int) -> None:
    """Move the slider of a viewer to a position along an axis of a layer."""
    index = np.rint(layer.world_to_data(viewer.dims.point)).astype(float)
    index[axis] = position
    world = layer.data_to_world(index)
    viewer.dims.set_point(axis + viewer.dims.ndim - layer.ndim, world[axis])


def offset_translate(
    layer: Layer, offset: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the ``translate`` of a layer that starts at a pixel of this one.

    Parameters
    ----------
    layer : Layer
        Its own ``affine`` is left out, as it is applied after ``translate``.
    offset : ndarray
        (ndim,) position in the layer, in pixels.
    """
    place = Affine(
        scale=layer.scale,
        translate=layer.translate,
        rotate=layer.rotate,
        shear=layer.shear,
    )
    moved: npt.NDArray[np.float64] = np.asarray(place(offset))
    return moved


def transform_of(layer: Layer) -> dict[str, Any]:
    """Arguments that place a new layer exactly where an existing one lies."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine.affine_matrix,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def spread_over(layer: Layer, lengths: Mapping[int, int]) -> dict[str, Any]:
    """Arguments that place a new layer on an existing one, one pixel thick in parts.

    Its only pixel along these axes is as thick as all of the layer's, so that it is
    seen wherever the sliders are.

    Parameters
    ----------
    layer : Layer
        Where the new layer lies.
    lengths : mapping of int to int
        Number of pixels that the layer has along each of these axes.
    """
    place = transform_of(layer)
    scale, offset = np.array(layer.scale, float), np.zeros(layer.ndim)
    for axis, length in lengths.items():
        scale[axis] *= length
        offset[axis] = (length - 1) / 2
    return {**place, "scale": scale, "translate": offset_translate(layer, offset)}
