"""From an image to its embedding, and from prompts to masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.engine.device import pick_device
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_logits import threshold_box
from napari_segment_anything.engine.model_tensors import (
    check_planes,
    frame_images,
    joined_answers,
    prompts_in_frame,
    send,
)
from napari_segment_anything.engine.placed_sam import PlacedSam
from napari_segment_anything.engine.prompt_bounds import within_plane
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.proposal_maps import ProposalMaps
from napari_segment_anything.engine.single_thread import single_thread
from napari_segment_anything.errors import InvalidPromptError
from napari_segment_anything.networks.config import SamConfig
from napari_segment_anything.networks.sam import Sam

if TYPE_CHECKING:
    from napari_segment_anything.engine.proposals import Proposals

FloatArray = npt.NDArray[np.float32]
IntensityRange = tuple[float, float]


@dataclass(frozen=True, eq=False)
class MaskPrediction:
    """Masks of N prompted objects, M alternatives each.

    Parameters
    ----------
    masks : ndarray
        (N, M, H, W) boolean, at the resolution of the plane.
    iou_predictions : ndarray
        (N, M) float32, the model's estimate of each mask's IoU.
    low_res_masks : ndarray
        (N, M, L, L) float32 logits, to be given back as a mask prompt.
    """

    masks: npt.NDArray[np.bool_]
    iou_predictions: FloatArray
    low_res_masks: FloatArray

    @classmethod
    def from_logits(
        cls, logits: torch.Tensor, iou: torch.Tensor, geometry: FrameGeometry
    ) -> Self:
        """Upscale low-resolution logits (N, M, L, L), each inside its box alone."""
        low_res: FloatArray = logits.float().cpu().numpy()
        masks = np.zeros((*low_res.shape[:2], *geometry.plane_shape), dtype=bool)
        for index in np.ndindex(low_res.shape[:2]):
            box = threshold_box(low_res[index], geometry, 0.0)
            if box is not None:
                y0, x0, y1, x1 = box
                upscaled = geometry.low_res_to_plane(low_res[index], box)
                masks[index][y0:y1, x0:x1] = upscaled > 0
        return cls(masks, iou.float().cpu().numpy(), low_res)

    @property
    def best(self) -> npt.NDArray[np.intp]:
        """(N,) index of the alternative with the highest predicted IoU."""
        best: npt.NDArray[np.intp] = self.iou_predictions.argmax(axis=1)
        return best


class MaskPredictor:
    """Embeds images and decodes prompts; holds weights and no current image.

    Parameters
    ----------
    sam : Sam or PlacedSam
        Networks in evaluation mode; they are moved to the device. Or networks on their
        device, shared with another predictor.
    device : str or torch.device, optional
        None or ``"auto"`` picks the fastest one.
    model_digest : str
        Digest of the weights, part of what an embedding is known by.
    model_name : str
        Name for people.
    """

    def __init__(
        self,
        sam: Sam | PlacedSam,
        *,
        device: str | torch.device | None = None,
        model_digest: str = "",
        model_name: str = "",
    ) -> None:
        if not isinstance(sam, PlacedSam):
            sam = PlacedSam(sam, pick_device(device))
        self._placed = sam
        self.model_digest = model_digest
        self.model_name = model_name
        self._maps = ProposalMaps(sam)

    @property
    def device(self) -> torch.device:
        """Where the networks run; the CPU, once the memory of a card ran out."""
        return self._placed.device

    @property
    def _sam(self) -> Sam:
        return self._placed.sam

    @property
    def config(self) -> SamConfig:
        """Sizes of the networks."""
        return self._sam.config

    @property
    def frame_size(self) -> int:
        """Side of the model frame in pixels."""
        return self.config.image_size

    @property
    def has_proposals(self) -> bool:
        """Whether the model finds object centres by itself."""
        return self.config.has_proposal_head

    def embed(
        self,
        image: npt.ArrayLike | BandedPlane,
        *,
        intensity_range: IntensityRange | None = None,
    ) -> ImageEmbedding:
        """Encode one plane.

        Parameters
        ----------
        image : array-like or BandedPlane
            (H, W) or (H, W, 3) of booleans, integers or floats.
        intensity_range : tuple of float, optional
            Intensities that become black and white; by default the percentiles 0.1
            and 99.9 of this image. Give one range for all planes of a stack.

        Raises
        ------
        InvalidImageError
            When the image is empty or not made of real numbers.
        DeviceError
            When not even the memory of the CPU is enough.
        """
        return self.embed_batch([image], intensity_range)[0]

    def embed_batch(
        self,
        images: Sequence[npt.ArrayLike | BandedPlane],
        intensity_range: IntensityRange | None = None,
    ) -> list[ImageEmbedding]:
        """Encode several planes of one shape in one pass; see `embed`."""
        planes = check_planes(images)
        if not planes:
            return []
        height, width = planes[0].shape[:2]
        geometry = FrameGeometry((height, width), self.frame_size)
        ranges = [intensity_range or percentile_range(plane) for plane in planes]
        images_in_frame = frame_images(planes, ranges, geometry)
        parts = self._placed.run(
            lambda part: self._sam.encode(send(images_in_frame[part], self.device)),
            len(planes),
            "planes",
        )
        # Some may have been encoded before the model moved to the CPU.
        features = torch.cat([part.to(self.device) for part in parts])
        return [
            ImageEmbedding(features[i : i + 1], geometry, limits, self.model_digest)
            for i, limits in enumerate(ranges)
        ]

    def decode(
        self,
        embedding: ImageEmbedding,
        prompts: Prompts,
        multimask: bool = True,
        *,
        iou_floor: float | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode prompts without upscaling.

        With ``iou_floor`` the masks of a prompt may be left empty where all of its
        predicted IoUs are below: they need not be made.

        Returns
        -------
        logits : torch.Tensor
            (N, M, L, L) low-resolution logits on the predictor's device, M is 3 with
            ``multimask`` and 1 without.
        iou : torch.Tensor
            (N, M) predicted IoU.

        Raises
        ------
        InvalidPromptError
            When a point or a whole box lies outside of the plane, or the embedding
            is of another model.
        """
        self._check_embedding(embedding)
        prompts = within_plane(prompts, embedding.plane_shape)
        low_res_size = self.config.low_res_size
        if prompts.masks is not None and prompts.masks.shape[1] != low_res_size:
            raise InvalidPromptError(
                f"This model takes mask prompts of {low_res_size}² logits, not of "
                f"{prompts.masks.shape[1]}²; pass its own low_res_masks."
            )
        with single_thread(prompts.n_objects, self.device):
            answers = self._placed.run(
                lambda part: self._placed.decode(
                    embedding.features.to(self.device, torch.float32),
                    **prompts_in_frame(
                        prompts.select(part), embedding.geometry, self.device
                    ),
                    multimask=multimask,
                    maps=self._maps.of(embedding),
                    iou_floor=iou_floor,
                ),
                prompts.n_objects,
                "prompts",
            )
        return joined_answers(answers, self.device)

    def predict(
        self, embedding: ImageEmbedding, prompts: Prompts, *, multimask: bool = True
    ) -> MaskPrediction:
        """Predict masks of the prompted objects at the resolution of the plane.

        Parameters
        ----------
        embedding : ImageEmbedding
            Of the plane, by this predictor.
        prompts : Prompts
            Of N objects.
        multimask : bool
            Three alternatives per object, good for a single point; otherwise one.

        Raises
        ------
        InvalidPromptError
            As for `decode`.
        """
        logits, iou = self.decode(embedding, prompts, multimask)
        return MaskPrediction.from_logits(logits, iou, embedding.geometry)

    def propose(self, embedding: ImageEmbedding) -> "Proposals | None":
        """Dense maps of object centres, or None when the model has none."""
        self._check_embedding(embedding)
        run = self._placed.run
        return run(lambda _: self._maps.proposals(embedding), 1, "planes")[0]

    def _check_embedding(self, embedding: ImageEmbedding) -> None:
        if (
            embedding.geometry.frame_size != self.frame_size
            or embedding.model_digest != self.model_digest
        ):
            raise InvalidPromptError(
                "This embedding was made by another model; embed the image again "
                f"with {self.model_name or 'this one'}."
            )
