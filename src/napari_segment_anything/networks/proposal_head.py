"""What the bundled model has beyond SAM: where objects and their centres are.

Both heads are small convolutions on the image embedding. The centre encoding writes
into every token where the centre of its object is, in Fourier features, so that tokens
of one object look alike to the decoder and tokens of its neighbour do not. The proposal
head gives dense maps, from whose peaks everything mode takes its prompts.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

N_PROPOSAL_CHANNELS = 5


class CentreEncoding(nn.Module):
    """Adds to each token a code of its object's centre.

    Offsets are in tokens. The code's wavelengths are spread from a few tokens to the
    whole frame.
    """

    frequencies: Tensor

    def __init__(self, dim: int, embedding_size: int, n_features: int = 48) -> None:
        super().__init__()
        self.head = nn.Conv2d(dim, 3, 1)
        self.project = nn.Conv2d(2 * n_features, dim, 1)
        # Cycles per token; directions at random, lengths log-uniform.
        angle = torch.rand(n_features) * math.pi
        longest, shortest = math.log(embedding_size), math.log(3.0)
        wavelength = torch.exp(torch.rand(n_features) * (longest - shortest) + shortest)
        direction = torch.stack([angle.sin(), angle.cos()])
        self.register_buffer("frequencies", direction / wavelength)

    def forward(
        self, embedding: Tensor, origin: tuple[int, int] = (0, 0)
    ) -> tuple[Tensor, Tensor]:
        """Return the enriched embedding (B, C, h, w) and the maps (B, 3, h, w).

        The maps are an object logit and the offset (dy, dx) to the centre, in tokens.
        ``origin`` is the frame position of token (0, 0), for crops of a frame.
        """
        maps = self.head(embedding)
        height, width = maps.shape[-2:]
        y = torch.arange(height, device=maps.device, dtype=maps.dtype) + origin[0]
        x = torch.arange(width, device=maps.device, dtype=maps.dtype) + origin[1]
        fixed = maps.detach()  # the offsets learn from their own loss alone
        centre = torch.stack([fixed[:, 1] + y[:, None], fixed[:, 2] + x[None, :]], -1)
        phase = 2 * math.pi * (centre @ self.frequencies)
        code = torch.cat([phase.sin(), phase.cos()], -1).permute(0, 3, 1, 2)
        return embedding + self.project(code * fixed[:, :1].sigmoid()), maps


class ProposalHead(nn.Module):
    """Foreground, boundary, centre and offsets, at four times the tokens' resolution.

    Channels: foreground logit, boundary logit, centre logit, offset dy and dx from each
    low-resolution pixel to its object's centre, in low-resolution pixels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(dim, dim, 3, padding=1)
        self.out = nn.Conv2d(dim, N_PROPOSAL_CHANNELS * 16, 1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Map (B, C, h, w) to (B, 5, 4 h, 4 w)."""
        maps = self.out(functional.gelu(self.mix(embedding)))
        return functional.pixel_shuffle(maps, 4)
