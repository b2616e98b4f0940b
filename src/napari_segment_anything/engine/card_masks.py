"""Masks of many prompts in the plane, found on a card before they leave it.

The same answers as `mask_logits`, for a batch at once: logits are upscaled, thresholded
and scored where they are, and only the places where a mask begins or ends, column by
column, are fetched. From these the CPU makes run lengths, while the card goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.geometry import FrameGeometry

# Upscaled logits that are in memory at once: 256 MiB of them, and as much for masks.
_PIXELS_AT_ONCE = 2**26


@dataclass(frozen=True, eq=False)
class MaskEdges:
    """Where masks of a plane that are stable enough begin and end.

    ``which`` (n,) says which of the given logits each one is from, ``boxes`` (n, 4) are
    tight half-open (y0, x0, y1, x1), with ``stability`` (n,) and ``areas`` (n,) in
    pixels. ``places`` are pixel numbers in the boxes, column by column, ``n_places``
    (n,) how many there are of each mask.
    """

    which: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int32]
    stability: npt.NDArray[np.float32]
    areas: npt.NDArray[np.int64]
    places: npt.NDArray[np.int32]
    n_places: npt.NDArray[np.int64]

    def masks(self) -> CodedMasks:
        """Masks of the shapes of their boxes."""
        if len(self.boxes) == 0:
            return CodedMasks.encode([])
        shapes = self.boxes[:, 2:] - self.boxes[:, :2]
        sizes = shapes.prod(axis=1, dtype=np.int64)
        owner = np.repeat(np.arange(len(self.boxes)), self.n_places)
        # As pixel numbers of all masks, one after the other.
        starts = np.cumsum(sizes) - sizes
        places = self.places + starts[owner]
        # An end and a beginning at one place are no change; nor is the last end.
        is_twice = np.zeros(len(places) + 1, bool)
        is_twice[1:-1] = (places[1:] == places[:-1]) & (owner[1:] == owner[:-1])
        is_change = ~(is_twice[1:] | is_twice[:-1])
        is_change &= places < (starts + sizes)[owner]
        places, owner = places[is_change], owner[is_change]
        n_changes = np.bincount(owner, minlength=len(self.boxes))
        # A count up to each change and one up to the end of the mask.
        bounds = np.insert(places, np.cumsum(n_changes), starts + sizes)
        return CodedMasks(np.diff(bounds, prepend=0), n_changes + 1, shapes)


def upscales_on(device: torch.device) -> bool:
    """Whether masks are found on a device, or better one by one on the CPU."""
    return device.type == "cuda"


def edges_on_card(
    logits: torch.Tensor,
    geometry: FrameGeometry,
    *,
    offset: float = 1.0,
    stability_floor: float = 0.0,
) -> Iterator[MaskEdges]:
    """Upscale the masks of low-resolution logits, as many as fit at once.

    Parameters
    ----------
    logits : torch.Tensor
        (n, L, L) low-resolution logits.
    geometry : FrameGeometry
        Of the plane.
    offset : float
        Of the stability score, see `stable_mask_in_plane`.
    stability_floor : float
        Less stable masks are left out, and so are empty ones.

    Yields
    ------
    MaskEdges
        Of some of the logits.
    """
    height, width = geometry.plane_shape
    n_together = max(1, _PIXELS_AT_ONCE // (height * width))
    for start in range(0, len(logits), n_together):
        part = logits[start : start + n_together].float()
        upscaled = _upscaled(part, geometry)
        mask = upscaled > 0
        n_high = (upscaled > offset).sum((1, 2))
        n_low = (upscaled > -offset).sum((1, 2))
        del upscaled
        stability = n_high / n_low.clamp(min=1)
        areas = mask.sum((1, 2))
        kept = torch.nonzero((stability >= stability_floor) & (areas > 0))[:, 0]
        mask = mask[kept]
        boxes = _tight_boxes(mask)
        places, n_places = _edges(mask, boxes)
        yield MaskEdges(
            (kept + start).cpu().numpy(),
            boxes.int().cpu().numpy(),
            stability[kept].float().cpu().numpy(),
            areas[kept].cpu().numpy(),
            places.int().cpu().numpy(),
            n_places.cpu().numpy(),
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


def _tight_boxes(mask: torch.Tensor) -> torch.Tensor:
    """Boxes (n, 4) of masks (n, W, H) none of which is empty."""
    sides = []
    for is_set in (mask.any(1), mask.any(2)):
        flags = is_set.to(torch.uint8)
        sides.append((flags.argmax(1), flags.shape[1] - flags.flip(1).argmax(1)))
    (y0, y1), (x0, x1) = sides
    return torch.stack([y0, x0, y1, x1], 1)


def _edges(
    mask: torch.Tensor, boxes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where columns of masks (n, W, H) begin and end, and how many there are of each.

    Places are pixel numbers in a mask's box, in order. Where one column ends at the
    bottom and the next begins at the top, the same place is there twice.
    """
    padded = torch.nn.functional.pad(mask, (1, 1))
    changes = padded[..., 1:] ^ padded[..., :-1]
    i, x, y = torch.nonzero(changes, as_tuple=True)
    y0, x0, y1, _ = boxes.T
    places = (x - x0[i]) * (y1 - y0)[i] + (y - y0[i])
    return places, changes.sum((1, 2))
