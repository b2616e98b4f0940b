"""Masks of many prompts in the plane, found on a card before they leave it.

The same answers as `mask_logits`, for a batch at once: logits are upscaled, thresholded
and scored where they are, and only their run lengths are fetched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_windows import MaskWindows, mask_windows
from napari_segment_anything.engine.memory import (
    OutOfDeviceMemoryError,
    memory_guard,
)
from napari_segment_anything.engine.model_tensors import sent

# Upscaled logits that are in memory at once: 256 MiB of them, and as much for masks.
_PIXELS_AT_ONCE = 2**26


@dataclass(frozen=True, eq=False)
class StableMasks:
    """Masks of a plane that are stable enough.

    ``which`` (n,) says which of the given logits each one is from, ``boxes`` (n, 4) are
    tight half-open (y0, x0, y1, x1), of which ``masks`` have the shapes; ``stability``
    (n,), and ``areas`` (n,) in pixels.
    """

    which: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int64]
    masks: CodedMasks
    stability: npt.NDArray[np.float32]
    areas: npt.NDArray[np.int64]


def upscales_on(device: torch.device) -> bool:
    """Whether masks are found on a device, or better one by one on the CPU."""
    return device.type == "cuda"


def stable_masks_that_fit(
    logits: torch.Tensor,
    geometry: FrameGeometry,
    *,
    offset: float = 1.0,
    stability_floor: float = 0.0,
) -> StableMasks | None:
    """As `stable_masks_on_card`; None where a single mask needs too much memory."""
    try:
        with torch.inference_mode(), memory_guard(logits.device):
            return stable_masks_on_card(
                logits, geometry, offset=offset, stability_floor=stability_floor
            )
    except OutOfDeviceMemoryError:
        return None


def stable_masks_on_card(
    logits: torch.Tensor,
    geometry: FrameGeometry,
    *,
    offset: float = 1.0,
    stability_floor: float = 0.0,
) -> StableMasks:
    """Upscale the masks of low-resolution logits, as many as fit at once.

    Parameters
    ----------
    logits : torch.Tensor
        (n, L, L) low-resolution logits.
    geometry : FrameGeometry
        Of the plane.
    offset : float
        Of the stability score, see `stable_mask_in_plane`; not negative.
    stability_floor : float
        Less stable masks are left out, and so are empty ones.

    Returns
    -------
    StableMasks
        In the order of the logits.
    """
    boxes, is_there = _low_res_boxes(logits, geometry, -offset)
    there = np.flatnonzero(is_there)
    found = []
    for group in mask_windows(boxes[there], geometry, logits.shape[-1]):
        for windows in group.parts(_PIXELS_AT_ONCE):
            which = there[windows.which]
            chosen = logits[sent(which, logits.device)].float()
            stable = _stable_in(windows, chosen, offset, stability_floor)
            found.append(replace(stable, which=which[stable.which]))
            del chosen
    return _joined(found)


def _low_res_boxes(
    logits: torch.Tensor, geometry: FrameGeometry, threshold: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Boxes (n, 4) of what exceeds a threshold, and whether anything does (n,)."""
    size = logits.shape[-1]
    height, width = geometry.low_res_shape(size)
    # The padding next to the plane still weighs in on its last pixels.
    shown = logits[:, : min(height + 1, size), : min(width + 1, size)]
    is_above = (shown > threshold).mT
    table = torch.column_stack([_tight_boxes(is_above), is_above.any(2).any(1)])
    numbers = table.cpu().numpy()
    return numbers[:, :4], numbers[:, 4] > 0


def _stable_in(
    windows: MaskWindows, logits: torch.Tensor, offset: float, stability_floor: float
) -> StableMasks:
    """Upscale logits (n, L, L) in their windows, and code those that are stable."""
    if windows.are_whole:
        upscaled = _upscaled(logits, windows.geometry)
    else:
        upscaled = windows.upscaled(logits)
    mask = upscaled > 0
    counts = torch.stack([_n_above(upscaled, x) for x in (offset, -offset, 0.0)])
    del upscaled
    # Each fetch waits for the card, so what is known at one time comes together.
    n_high, n_low, areas = counts.cpu().numpy()
    stability = n_high / np.maximum(n_low, 1)
    kept = np.flatnonzero((stability >= stability_floor) & (areas > 0))
    mask = mask[sent(kept, mask.device)]
    boxes = _tight_boxes(mask)
    runs, n_runs = _run_lengths(mask, boxes)
    table = torch.column_stack([boxes, n_runs]).cpu().numpy()
    host_boxes, host_n_runs = table[:, :4], table[:, 4]
    shapes = host_boxes[:, 2:] - host_boxes[:, :2]
    return StableMasks(
        kept,
        host_boxes + np.tile(windows.corners[kept], 2),
        CodedMasks(runs.int().cpu().numpy(), host_n_runs, shapes),
        stability[kept].astype(np.float32),
        areas[kept],
    )


def _joined(parts: Sequence[StableMasks]) -> StableMasks:
    """Join masks of one plane, in the order of their logits."""
    if not parts:
        none = np.zeros(0, np.int64)
        boxes = none.reshape(0, 4)
        return StableMasks(
            none, boxes, CodedMasks.encode([]), none.astype(np.float32), none
        )
    which = np.concatenate([part.which for part in parts])
    order = np.argsort(which)
    return StableMasks(
        which[order],
        np.concatenate([part.boxes for part in parts])[order],
        CodedMasks.concatenate([part.masks for part in parts]).select(order),
        np.concatenate([part.stability for part in parts])[order],
        np.concatenate([part.areas for part in parts])[order],
    )


def _upscaled(logits: torch.Tensor, geometry: FrameGeometry) -> torch.Tensor:
    """Bring logits (n, L, L) to the plane, with columns first: (n, W, H).

    Run lengths go down columns. In two steps, as SAM does: to the frame, whose padding
    is dropped, and to the plane.
    """
    height, width = geometry.scaled_shape
    side = (geometry.frame_size, geometry.frame_size)
    framed = _resized(logits.mT, side)[:, :width, :height]
    return _resized(framed, geometry.plane_shape[::-1])


def _resized(images: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    if images.shape[1:] == shape:
        return images
    return functional.interpolate(
        images[:, None], shape, mode="bilinear", align_corners=False
    )[:, 0]


def _n_above(images: torch.Tensor, threshold: float) -> torch.Tensor:
    """Count the pixels (n,) of images (n, W, H) above a threshold.

    A card would add up booleans by way of a copy in eight times their memory; halves
    it adds up as they are, exactly within a column.
    """
    is_above = torch.empty_like(images, dtype=torch.float16)
    torch.gt(images, threshold, out=is_above)
    return is_above.sum(2, dtype=torch.float32).long().sum(1)


def _tight_boxes(mask: torch.Tensor) -> torch.Tensor:
    """Boxes (n, 4) of masks (n, W, H); that of an empty one is of no use."""
    sides = []
    for is_set in (mask.any(1), mask.any(2)):
        flags = is_set.to(torch.uint8)
        sides.append((flags.argmax(1), flags.shape[1] - flags.flip(1).argmax(1)))
    (y0, y1), (x0, x1) = sides
    return torch.stack([y0, x0, y1, x1], 1)


def _run_lengths(
    mask: torch.Tensor, boxes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run lengths of masks (n, W, H) in their boxes, and how many each one has.

    In the order of `run_length`: down the columns, from an outside on.
    """
    # Where columns begin and end, as pixel numbers of all boxes one after the other.
    padded = functional.pad(mask, (1, 1))
    owner, x, y = torch.nonzero(padded[..., 1:] ^ padded[..., :-1], as_tuple=True)
    y0, x0, y1, x1 = boxes.T
    heights = y1 - y0
    ends = (heights * (x1 - x0)).cumsum(0)
    corners = ends - heights * (x1 - x0) - x0 * heights - y0
    places = corners[owner] + x * heights[owner] + y
    # An end and a beginning at one place are no change; the last end is added below.
    is_change = places < ends[owner]
    is_twice = (places[1:] == places[:-1]) & (owner[1:] == owner[:-1])
    is_change[1:] &= ~is_twice
    is_change[:-1] &= ~is_twice
    changes = torch.nonzero(is_change)[:, 0]
    places, owner = places[changes], owner[changes]
    numbers = torch.arange(len(boxes), device=mask.device)
    stops = torch.searchsorted(owner, numbers, right=True)
    n_runs = torch.diff(stops, prepend=stops.new_zeros(1)) + 1
    bounds = torch.cat([places, ends])
    bounds[torch.arange(len(places), device=mask.device) + owner] = places
    bounds[n_runs.cumsum(0) - 1] = ends
    return torch.diff(bounds, prepend=bounds.new_zeros(1)), n_runs
