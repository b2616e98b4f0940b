"""Planes and prompts as tensors that the networks take, and what comes back."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine import image as image_module
from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.errors import InvalidImageError


def send(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Send images to a device, and give grey ones three channels there.

    From pinned memory, a card fetches them by itself.
    """
    if device.type == "cuda":
        images = images.pin_memory()
    sent_images = images.to(device, non_blocking=device.type == "cuda")
    return sent_images.expand(-1, 3, -1, -1).contiguous()


def sent(numbers: npt.NDArray[np.generic], device: torch.device) -> torch.Tensor:
    """Return a few numbers on a device, without waiting for what a card still does.

    They are copied from the array before this returns.
    """
    is_card = device.type == "cuda"
    tensor = torch.from_numpy(np.ascontiguousarray(numbers))
    return tensor.to(device, non_blocking=is_card)


def check_planes(
    images: Sequence[npt.ArrayLike | BandedPlane],
) -> list[image_module.Plane]:
    """Return planes that can be encoded together.

    Raises
    ------
    InvalidImageError
        When one is no plane, or they differ in shape.
    """
    planes = [image_module.check_plane(image) for image in images]
    if len({plane.shape[:2] for plane in planes}) > 1:
        raise InvalidImageError(
            "Planes that are encoded together have one shape; encode planes of "
            "different shapes one by one."
        )
    return planes


def frame_images(
    planes: Sequence[image_module.Plane],
    ranges: Sequence[tuple[float, float]],
    geometry: FrameGeometry,
) -> torch.Tensor:
    """Images (n, 3, h, w) that fill the model frame, of planes of one shape.

    Of grey planes (n, 1, h, w): a third of it to be copied and sent, see `send`.
    """
    frames = [
        image_module.frame_image(plane, limits, geometry).transpose(2, 0, 1)
        for plane, limits in zip(planes, ranges, strict=True)
    ]
    # As long as they are grey, all channels are one piece of memory.
    if all(frame.strides[0] == 0 for frame in frames):
        frames = [frame[:1] for frame in frames]
    # One image channel first and contiguous: the encoder normalises and pads it.
    return torch.from_numpy(np.stack(frames))


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
    return {name: sent(array, device) for name, array in arrays.items()}


def joined_answers(
    answers: Sequence[tuple[torch.Tensor, torch.Tensor]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and predicted IoU of prompts that were decoded in several batches."""
    if len(answers) == 1:
        return answers[0]
    logits, iou = zip(*answers, strict=True)
    return torch.cat([x.to(device) for x in logits]), torch.cat(
        [x.to(device) for x in iou]
    )
