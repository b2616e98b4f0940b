"""The image side of the image that was prompted last.

Prompts come one after the other on one image: what all of them share is kept until
another image comes, or anything that it was computed from has changed.
"""

import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .image_side import ImageSide
from .two_way_transformer import TwoWayTransformer


@dataclass(frozen=True, eq=False)
class _Kept:
    embedding: "weakref.ref[Tensor]"
    given: tuple[Tensor, ...]
    weight_versions: tuple[int, ...]
    side: ImageSide


class SharedImage(threading.local):
    """Remembers one image side for each thread; a copy, or a pickled one, begins empty.

    Threads that decode prompts on images of their own do not push each other's out.
    """

    def __init__(self) -> None:
        self._kept: _Kept | None = None

    def __reduce__(self) -> tuple[type["SharedImage"], tuple[()]]:
        return SharedImage, ()

    def get(
        self,
        transformer: TwoWayTransformer,
        embedding: Tensor,
        image_pe: Tensor,
        dense: Tensor,
        dtype: torch.dtype,
    ) -> ImageSide:
        """Image side of one image (1, C, h, w) with a dense embedding (1, C, 1, 1)."""
        kept = self._kept
        versions = _versions([*transformer.parameters(), dense])
        if (
            kept is None
            or kept.embedding() is not embedding
            or kept.side.tokens.dtype != dtype
            or kept.weight_versions != versions
            or not all(map(_is_same, kept.given, (image_pe, dense)))
        ):
            side = ImageSide.create(
                transformer, embedding + dense, image_pe, is_shared=True, dtype=dtype
            )
            kept = _Kept(weakref.ref(embedding), (image_pe, dense), versions, side)
            self._kept = kept
        return kept.side


def _versions(tensors: Iterable[Tensor]) -> tuple[int, ...]:
    """How often each tensor, or the weight that it is a view of, has been changed."""
    return tuple(0 if x.is_inference() else x._version for x in tensors)


def _is_same(kept: Tensor, given: Tensor) -> bool:
    if kept is given:
        return True
    if kept.shape != given.shape:
        return False
    if given.device.type == "cpu":
        return torch.equal(kept, given)
    # A card would have to finish all that it was asked for before it knew values.
    return kept.data_ptr() == given.data_ptr()
