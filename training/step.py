"""What one training step computes: crops in, losses of the dense heads out."""

import torch
from torch import Tensor

from napari_segment_anything.networks.sam import Sam

from .losses import dense_losses, token_losses
from .processor import Processor
from .samples import Batch
from .targets import TOKEN


def encode(sam: Sam, processor: Processor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Embeddings (B, C, h, w) of crops, and the centre encoding's maps."""
    x = sam.normalise(batch.images) * batch.inside[:, None]
    with processor.encoding():
        features = sam.image_encoder(x)
    features = features.float()
    # Each crop lies elsewhere in the frame.
    pairs = [
        sam.centre_encoding(features[i : i + 1], origin)
        for i, origin in enumerate(batch.origins)
    ]
    return torch.cat([p[0] for p in pairs]), torch.cat([p[1] for p in pairs])


def dense_loss(sam: Sam, batch: Batch, embedding: Tensor, maps: Tensor) -> Tensor:
    """Loss of the proposal head and of the centre encoding."""
    truth = batch.truth
    low_res = dense_losses(sam.proposal_head(embedding), truth)
    middle = slice(TOKEN // 2, None, TOKEN)
    tokens = {
        "foreground": truth["foreground"][:, middle, middle],
        # From the token's centre, half a pixel before the sampled one.
        "offset": (truth["offset"][:, :, middle, middle] + 0.5) / TOKEN,
        "weight": truth["weight"][:, middle, middle] * TOKEN,
    }
    return low_res + token_losses(maps, tokens)
