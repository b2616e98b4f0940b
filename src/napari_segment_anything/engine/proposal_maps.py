"""Maps of the proposal head, made once for each embedding."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.placed_sam import PlacedSam

if TYPE_CHECKING:
    from napari_segment_anything.engine.proposals import Proposals


class ProposalMaps:
    """They serve each prompt on an embedding, and everything mode.

    They live as long as the embedding does.
    """

    def __init__(self, placed: PlacedSam) -> None:
        self._placed = placed
        self._kept = WeakKeyDictionary[ImageEmbedding, torch.Tensor]()
        self._proposals = WeakKeyDictionary[ImageEmbedding, "Proposals"]()

    def of(self, embedding: ImageEmbedding) -> torch.Tensor | None:
        """Return the maps (1, 5, L, L); None if the model has no proposal head."""
        sam, device = self._placed.sam, self._placed.device
        if not sam.config.has_proposal_head:
            return None
        maps = self._kept.get(embedding)
        if maps is None or maps.device.type != device.type:
            with torch.inference_mode():
                maps = sam.propose(embedding.features.to(device, torch.float32))
            self._kept[embedding] = maps
        return maps

    def proposals(self, embedding: ImageEmbedding) -> "Proposals | None":
        """Return what the maps say of objects; None without a proposal head."""
        kept = self._proposals.get(embedding)
        if kept is not None:
            return kept
        maps = self.of(embedding)
        if maps is None:
            return None
        # Brings scipy along, which loading a model can do without.
        from napari_segment_anything.engine.proposals import Proposals

        numbers = maps[0].float().cpu().numpy()
        made = Proposals.from_maps(numbers, embedding.geometry)
        return self._proposals.setdefault(embedding, made)
