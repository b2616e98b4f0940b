"""What one training step computes: crops in, losses of the dense heads out."""

import torch
from torch import Tensor

from napari_segment_anything.networks.sam import Sam

from .losses import dense_losses, token_losses
from .processor import Processor
from .samples import Batch
from .targets import TOKEN, Targets


def encode(sam: Sam, processor: Processor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Embeddings (B, C, h, w) of crops, and the centre encoding's maps."""
    x = sam.normalise(batch.images) * batch.is_inside[:, None]
    with processor.encoding():
        features = sam.image_encoder(x.contiguous(memory_format=torch.channels_last))
    # Each crop lies elsewhere in the frame.
    embedding, maps = sam.centre_encoding(features.float(), batch.origins)
    return embedding, maps


def dense_loss(
    sam: Sam, batch: Batch, truth: Targets, embedding: Tensor, maps: Tensor
) -> Tensor:
    """Loss of the proposal head and of the centre encoding."""
    inside = batch.low_res_inside()
    low_res = dense_losses(sam.proposal_head(embedding), truth, inside)
    middle = slice(TOKEN // 2, None, TOKEN)
    return low_res + token_losses(
        maps,
        truth.foreground[:, middle, middle],
        # From the token's centre, half a pixel before the sampled one.
        (truth.offset[:, :, middle, middle] + 0.5) / TOKEN,
        truth.weight[:, middle, middle] * TOKEN,
    )
