"""Planes and prompts as the tensors that the networks take."""

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.prompts import Prompts


def send(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Send images to a device; from pinned memory, a card fetches them by itself."""
    if device.type != "cuda":
        return images.to(device)
    return images.pin_memory().to(device, non_blocking=True)


def prompts_in_frame(
    prompts: Prompts, geometry: FrameGeometry, device: torch.device
) -> dict[str, torch.Tensor]:
    """Tensors of what is given, in frame pixels, under the networks' names."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    if prompts.points is not None and prompts.point_labels is not None:
        arrays["points_xy"] = geometry.points_to_frame_xy(prompts.points)
        arrays["point_labels"] = prompts.point_labels
    if prompts.boxes is not None:
        arrays["boxes_xyxy"] = geometry.boxes_to_frame_xyxy(prompts.boxes)
    if prompts.masks is not None:
        arrays["masks"] = prompts.masks[:, np.newaxis]
    return {
        name: torch.from_numpy(np.ascontiguousarray(array)).to(device)
        for name, array in arrays.items()
    }
