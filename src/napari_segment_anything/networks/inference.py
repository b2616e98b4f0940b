"""A model made ready to answer: the same function, with less work or fewer bits.

For models that are only asked. What is merged here has no gradient of its own any more,
and the image encoder's state dict lacks the batch norms that were folded away.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .image_encoder import ImageEncoderViT
from .sam import Sam


def prepare_for_inference(sam: Sam, image_dtype: torch.dtype = torch.float32) -> None:
    """Fold batch norms, compute what never changes, and set the image's precision.

    Parameters
    ----------
    sam : Sam
        In evaluation mode, with its final weights; changed in place.
    image_dtype : torch.dtype
        Precision of the image encoder and of the mask decoder's image tokens. Image
        embeddings, prompts, masks and scores stay float32.
    """
    sam.requires_grad_(False)
    encoder = sam.image_encoder
    fold_batch_norms(encoder)
    if isinstance(encoder, ImageEncoderViT):
        encoder.fix_distances()
    encoder.to(image_dtype)
    encoder.register_forward_pre_hook(_enter)
    encoder.register_forward_hook(_leave)
    sam.mask_decoder.image_dtype = image_dtype
    sam.prompt_encoder.fix_grid()


def fold_batch_norms(module: nn.Module) -> None:
    """Merge each batch norm into the convolution registered right before it.

    Folded convolutions keep their weights with the channels last, the order that
    they are fastest in on a CPU.
    """
    for parent in module.modules():
        children = list(parent.named_children())
        for (name, conv), (norm_name, norm) in itertools.pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                folded = fuse_conv_bn_eval(conv, norm)
                folded.weight.data = folded.weight.contiguous(
                    memory_format=torch.channels_last
                )
                setattr(parent, name, folded)
                setattr(parent, norm_name, nn.Identity())


def _enter(encoder: nn.Module, images: tuple[Tensor]) -> tuple[Tensor]:
    dtype = next(encoder.parameters()).dtype
    return (images[0].to(dtype, memory_format=torch.channels_last),)


def _leave(_: nn.Module, images: tuple[Tensor], embedding: Tensor) -> Tensor:
    return embedding.float().contiguous()
