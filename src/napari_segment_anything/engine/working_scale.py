"""At which scale a plane is looked at, so that its objects have a size the model likes.

A plane that is large, or whose objects are small, is not squeezed into one model frame:
its objects would be a few pixels across. It is looked at in windows instead, at a scale
that follows from the size of its objects. The size is what the model's proposal head
sees in a few windows.
"""

import math

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine import image as image_module
from napari_segment_anything.engine.contrast import rescale_intensity
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.predictor import IntensityRange, MaskPredictor
from napari_segment_anything.engine.tiling import tile_boxes

FloatArray = npt.NDArray[np.float32]

# Frame pixels. Windows bring prompted objects to this diameter, for finer outlines, ...
PROMPTED_DIAMETER = 44.0
# ... and those that are sought to this one: fewer windows see more about each object,
# and find fewer where there are none, ...
SEARCHED_DIAMETER = 28.0
# ... which pays where they would be smaller than this in the frame of the whole plane.
SMALL_DIAMETER = 22.0
# Smaller ones than this seem larger than they are: a closer look decides.
_SURE_DIAMETER = 28.0
# Objects larger than this part of a window are seen better from farther away.
_LARGE_SHARE = 0.4
# Beyond this, enlarging adds no detail that the image has.
_MAX_ENLARGEMENT = 6.0
# A plane that has to shrink more than this is first looked at as it is.
_MAX_SHRINKING = 0.6
_MIN_OBJECTS = 3
_N_WINDOWS = 2
_N_TRIALS = 4


def window_side(scale: float, frame_size: int) -> int:
    """Side of a window in plane pixels at ``scale`` frame pixels per plane pixel."""
    return max(1, round(frame_size / scale))


def scale_for_diameter(
    diameter: float,
    shape: tuple[int, int],
    frame_size: int,
    working_diameter: float = PROMPTED_DIAMETER,
) -> float:
    """Scale at which objects of a diameter (plane pixels) are looked at.

    ``working_diameter`` is the one, in frame pixels, to which windows bring them.

    Returns
    -------
    float
        Frame pixels per plane pixel: that of the whole plane in one frame if objects
        are large enough there, otherwise a power of the square root of two, so that
        planes of one movie mostly have the same.
    """
    fit = frame_size / max(shape)
    if diameter * fit >= SMALL_DIAMETER:
        return fit
    wanted = min(working_diameter / diameter, _MAX_ENLARGEMENT)
    return max(fit, 2 ** (round(2 * math.log2(wanted)) / 2))


def estimate_scale(
    pixels: image_module.Plane,
    predictor: MaskPredictor,
    intensity_range: IntensityRange,
    *,
    seen: dict[Box, ImageEmbedding] | None = None,
    working_diameter: float = PROMPTED_DIAMETER,
) -> float:
    """Scale at which a plane is looked at, from the sizes of its objects.

    Parameters
    ----------
    pixels : ndarray or BandedPlane
        (H, W) or (H, W, 3).
    predictor : MaskPredictor
        Its model has a proposal head; otherwise the size of objects is unknown and the
        plane is looked at as it is, or as a whole if it fits the frame.
    intensity_range : tuple of float
        As for `MaskPredictor.embed`.
    seen : dict, optional
        Embeddings that are at hand, by the boxes of what they show; those of the
        windows that are looked at are added.
    working_diameter : float
        To which windows bring the objects, in frame pixels.

    Returns
    -------
    float
        Frame pixels per plane pixel, at least that of the whole plane in one frame.
    """
    shape = (int(pixels.shape[0]), int(pixels.shape[1]))
    frame_size = predictor.frame_size
    fit = frame_size / max(shape)
    scale = fit if fit >= _MAX_SHRINKING else 1.0
    if not predictor.has_proposals:
        return scale
    embeddings = {} if seen is None else seen
    start, tried = scale, set[float]()
    found: float | None = None
    while len(tried) < _N_TRIALS:
        tried.add(scale)
        diameter = _diameter_at(scale, pixels, predictor, intensity_range, embeddings)
        if diameter is None:  # too large, or too small, or there is nothing
            options = [max(fit, scale / 2), 2 * scale]
        else:
            found = diameter / scale
            if diameter < _SURE_DIAMETER:
                options = [2 * scale]
            elif diameter > _LARGE_SHARE * frame_size:
                options = [max(fit, scale / 3)]
            else:
                break
        most = max(fit, _MAX_ENLARGEMENT)
        options = [option for option in options if option not in tried]
        if not options or options[0] > most:
            break
        scale = options[0]
    if found is None:
        return start
    return scale_for_diameter(found, shape, frame_size, working_diameter)


def _diameter_at(
    scale: float,
    pixels: image_module.Plane,
    predictor: MaskPredictor,
    intensity_range: IntensityRange,
    embeddings: dict[Box, ImageEmbedding],
) -> float | None:
    """Typical diameter (frame pixels) of what the model sees in a few windows."""
    diameters: list[FloatArray] = []
    boxes = _busiest_windows(pixels, intensity_range, scale, predictor.frame_size)
    for box in boxes:
        y0, x0, y1, x1 = box
        if box not in embeddings:
            embeddings[box] = predictor.embed(
                pixels[y0:y1, x0:x1], intensity_range=intensity_range
            )
        window = embeddings[box]
        proposals = predictor.propose(window)
        if proposals is not None:
            diameters.append(proposals.diameters() * window.geometry.scale)
    seen = np.sort(np.concatenate(diameters))
    if len(seen) < _MIN_OBJECTS:
        return None
    # Half of the objects' total width: specks do not count, however many.
    middle = np.searchsorted(np.cumsum(seen), seen.sum() / 2)
    return float(seen[middle])


def _busiest_windows(
    pixels: image_module.Plane,
    intensity_range: IntensityRange,
    scale: float,
    frame_size: int,
) -> list[Box]:
    """Windows without overlap in which intensities vary most."""
    shape = (int(pixels.shape[0]), int(pixels.shape[1]))
    boxes = tile_boxes(shape, window_side(scale, frame_size), 0)
    if len(boxes) <= _N_WINDOWS:
        return boxes
    step = max(1, window_side(scale, frame_size) // 64)
    spread = []
    for y0, x0, y1, x1 in boxes:
        sample = pixels[y0:y1:step, x0:x1:step]
        spread.append(rescale_intensity(sample, *intensity_range).std())
    busiest = np.argsort(spread, kind="stable")[::-1][:_N_WINDOWS]
    return [boxes[i] for i in busiest]
