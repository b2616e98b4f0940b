"""Weights for a larger encoder to begin from.

    python -m training.grow OLD.safetensors NEW.safetensors --data ../shared/data

Blocks that the old encoder lacks start as identity, so that the model answers as the
old one does.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import Sam
from napari_segment_anything.networks.tiny_convolutions import ConvBN, FusedMBConv
from napari_segment_anything.networks.tiny_image_encoder import TinyViTBlock

from .export import export
from .planes import load_planes, sampling_weights
from .processor import Processor
from .run import load_what_fits, steps_of
from .samples import Batch, sample_batches
from .step import encode

N_CROPS = 64


def grow(sam: Sam, known: set[str], batch: Batch) -> None:
    """Let blocks none of whose keys are known start as identity.

    Their normalisations are given the statistics of what they see of a batch.
    """
    blocks = [
        module
        for name, module in sam.named_modules()
        if isinstance(module, FusedMBConv | TinyViTBlock)
        and not any(key.startswith(f"{name}.") for key in known)
    ]
    hooks = []
    for block in blocks:
        if isinstance(block, FusedMBConv):
            _silence(block.conv2.bn)
            continue
        _silence(block.attn.proj)
        _silence(block.mlp.fc2)
        hooks.append(block.local_conv.register_forward_pre_hook(_pass_through))
    sam.eval()
    with torch.no_grad():
        encode(sam, Processor(), batch)
    for hook in hooks:
        hook.remove()


def _silence(module: nn.BatchNorm2d | nn.Linear) -> None:
    with torch.no_grad():
        module.weight.zero_()
        module.bias.zero_()


def _pass_through(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Make a depthwise convolution with its normalisation the identity, for x."""
    assert isinstance(module, ConvBN)
    (x,) = inputs
    variance, mean = torch.var_mean(x, (0, 2, 3))
    kernel, norm = module.c.weight, module.bn
    with torch.no_grad():
        kernel.zero_()
        kernel[:, :, kernel.shape[-2] // 2, kernel.shape[-1] // 2] = 1
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def main() -> None:
    """Read the command line and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    sam = Sam(CONFIGS["nano"])
    state = load_file(arguments.old)
    load_what_fits(sam, state)
    planes = load_planes(arguments.data, "train")
    weights: np.ndarray = sampling_weights(planes)
    batch = next(sample_batches(planes, weights, (0,), N_CROPS))
    grow(sam, set(state), batch)
    export(sam, arguments.new, steps=steps_of(arguments.old))


if __name__ == "__main__":
    main()
