"""Repairs that need no model: what neighbouring frames know already says enough.

The decoder is asked first. Where it gives no believable answer, a mask that holds two
known objects is still divided between them, fragments of a known object are still
joined, and an object that was seen before and after is still somewhere in between.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.contradiction import Break

# An object that nobody sees, only its neighbours in time speak for it.
UNSEEN_CONFIDENCE = 0.3


def carried_masks(one: Break, frame: MaskSet, min_overlap: float) -> MaskSet | None:
    """Make the expected objects from the masks that are there, if they fit.

    Parameters
    ----------
    one : Break
        What is expected, and which masks it would replace.
    frame : MaskSet
        Masks of the frame.
    min_overlap : float
        Intersection over union that each object must have with what is expected.

    Returns
    -------
    MaskSet or None
        One mask for each expected object; the predicted IoU is the overlap with what
        was expected.
    """
    if one.kind == "merged":
        made = _shared_out(frame, one.replaces[0], one.expected)
    elif one.kind == "fragments":
        made = _joined(frame, one.replaces)
    elif one.kind == "hidden" and not one.replaces:
        return _with_scores(one.expected, [UNSEEN_CONFIDENCE] * len(one.expected))
    else:
        return None
    if len(made) != len(one.expected):
        return None
    overlaps = [made.iou_with(k, one.expected, k) for k in range(len(made))]
    if min(overlaps) < min_overlap:
        return None
    return _with_scores(made, overlaps)


def _shared_out(frame: MaskSet, detection: int, expected: MaskSet) -> MaskSet:
    """Give each pixel of a mask to the expected object that it lies deepest in."""
    y0, x0, y1, x1 = (int(v) for v in frame.boxes[detection])
    depth = []
    for k in range(len(expected)):
        inside = np.zeros((y1 - y0, x1 - x0), bool)
        top, left, bottom, right = (int(v) for v in expected.boxes[k])
        t, b, le, r = max(top, y0), min(bottom, y1), max(left, x0), min(right, x1)
        if t >= b or le >= r:
            return MaskSet.empty(frame.shape)
        inside[t - y0 : b - y0, le - x0 : r - x0] = expected.masks[k][
            t - top : b - top, le - left : r - left
        ]
        padded = np.pad(inside, 1)
        signed = ndimage.distance_transform_edt(padded)
        signed -= ndimage.distance_transform_edt(~padded)
        depth.append(signed[1:-1, 1:-1])
    owner = np.argmax(depth, axis=0) + 1
    owner[~frame.masks[detection]] = 0
    return _placed(frame.shape, (y0, x0), owner)


def _joined(frame: MaskSet, detections: tuple[int, ...]) -> MaskSet:
    """Make one mask of several, without the seams between them."""
    boxes = frame.boxes[list(detections)]
    y0, x0 = (int(v) for v in boxes[:, :2].min(axis=0))
    y1, x1 = (int(v) for v in boxes[:, 2:].max(axis=0))
    ours = np.zeros((y1 - y0, x1 - x0), bool)
    others = ours.copy()
    for k in range(len(frame)):
        top, left, bottom, right = (int(v) for v in frame.boxes[k])
        t, b, le, r = max(top, y0), min(bottom, y1), max(left, x0), min(right, x1)
        if t < b and le < r:
            part = ours if k in detections else others
            part[t - y0 : b - y0, le - x0 : r - x0] |= frame.masks[k][
                t - top : b - top, le - left : r - left
            ]
    closed = ndimage.binary_closing(np.pad(ours, 3), iterations=2)[3:-3, 3:-3]
    whole = (closed | ours) & ~others
    return _placed(frame.shape, (y0, x0), whole.astype(np.int32))


def _placed(
    shape: tuple[int, int], corner: tuple[int, int], owner: npt.NDArray[np.integer]
) -> MaskSet:
    """Make one mask of each number of a part of a plane, in ascending order."""
    boxes, masks = [], []
    for number, slices in enumerate(ndimage.find_objects(owner), start=1):
        if slices is not None:
            rows, columns = slices
            boxes.append(
                (
                    rows.start + corner[0],
                    columns.start + corner[1],
                    rows.stop + corner[0],
                    columns.stop + corner[1],
                )
            )
            masks.append(owner[slices] == number)
    return MaskSet.from_masks(shape, boxes, masks)


def _with_scores(masks: MaskSet, scores: list[float]) -> MaskSet:
    ones = np.ones(len(masks))
    return MaskSet.from_masks(
        masks.shape,
        masks.boxes,
        masks.masks,
        predicted_iou=scores,
        stability_score=ones,
        points=masks.points,
    )
