"""Prompts of several objects as tensors."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PromptBatch:
    """Prompts of N objects of one frame, at least one of points, boxes and masks.

    ``points_xy`` (N, P, 2) and ``boxes_xyxy`` (N, 4) are frame pixels, pixel centres at
    integers; ``point_labels`` (N, P) 1 in, 0 out, -1 no point; ``masks``
    (N, 1, L, L) low-resolution logits, of which those count where ``is_mask_given``
    (N,) is true, by default all.
    """

    points_xy: Tensor | None = None
    point_labels: Tensor | None = None
    boxes_xyxy: Tensor | None = None
    masks: Tensor | None = None
    is_mask_given: Tensor | None = None

    def __len__(self) -> int:
        return len(self._given[0]) if self._given else 1

    @property
    def _given(self) -> list[Tensor]:
        tensors = (self.points_xy, self.boxes_xyxy, self.masks)
        return [tensor for tensor in tensors if tensor is not None]

    def select(self, index: Tensor | slice) -> "PromptBatch":
        """Prompts of some of the objects."""
        return PromptBatch(
            *(
                None if tensor is None else tensor[index]
                for tensor in (
                    self.points_xy,
                    self.point_labels,
                    self.boxes_xyxy,
                    self.masks,
                    self.is_mask_given,
                )
            )
        )
