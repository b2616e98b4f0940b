"""SAM's mask decoder: from an image embedding and prompts to masks with scores.

Source: Kirillov et al., "Segment Anything", 2023, figure 14. Attribute names equal the
checkpoints' keys.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from .folded_transformer import transform
from .image_side import ImageSide, of_rows
from .layers import LayerNorm2d, is_card
from .shared_image import SharedImage
from .token_upscaling import TokenUpscaling
from .two_way_transformer import TwoWayTransformer

# Image tokens of all prompts that are in work at once: half precision is slower with
# fewer, float32 is not; and on a card the prompts.
_BYTES_ON_CPU = 2**24
_FLOAT32_BYTES_ON_CPU = 2**22
_PROMPTS_ON_CARD = 64
NOTHING = -10.0  # logit of what is not decoded


class Mlp(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int, depth: int) -> None:
        super().__init__()
        widths = [in_dim] + [hidden_dim] * (depth - 1) + [out_dim]
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in itertools.pairwise(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dim) to (..., out_dim)."""
        for layer in self.layers[:-1]:
            x = functional.relu(layer(x))
        out: Tensor = self.layers[-1](x)
        return out


class MaskDecoder(nn.Module):
    """Masks and predicted IoU of prompts: one mask, or several when ambiguous.

    ``image_dtype`` is the precision of the image's side at inference; that of the
    prompts is the one of the weights.
    """

    image_dtype = torch.float32

    def __init__(
        self,
        dim: int,
        transformer: TwoWayTransformer,
        n_multimask: int,
        iou_head_depth: int,
        iou_head_hidden_dim: int,
    ) -> None:
        super().__init__()
        n_masks = n_multimask + 1
        self.transformer = transformer
        self._shared_side = SharedImage()
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(n_masks, dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, 2, stride=2),
            LayerNorm2d(dim // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Mlp(dim, dim, dim // 8, 3) for _ in range(n_masks)
        )
        self.iou_prediction_head = Mlp(
            dim, iou_head_hidden_dim, n_masks, iou_head_depth
        )

    def forward(
        self,
        embedding: Tensor,
        image_pe: Tensor,
        sparse: Tensor,
        dense: Tensor,
        multimask: bool,
    ) -> tuple[Tensor, Tensor]:
        """Decode the prompts of N objects on one image.

        Parameters
        ----------
        embedding : Tensor, (1, C, h, w)
        image_pe : Tensor, (1, C, h, w)
        sparse : Tensor, (N, K, C)
        dense : Tensor, (N or 1, C, h, w) or (1, C, 1, 1)
        multimask : bool
            Three masks for an ambiguous prompt, otherwise one.

        Returns
        -------
        logits : Tensor, (N, M, 4 h, 4 w)
        predicted_iou : Tensor, (N, M)
        """
        wanted = slice(1, None) if multimask else slice(0, 1)
        logits, iou = self.decode_all(embedding, image_pe, sparse, dense, wanted)
        return logits, iou[:, wanted]

    def decode_all(
        self,
        embedding: Tensor,
        image_pe: Tensor,
        sparse: Tensor,
        dense: Tensor,
        wanted: slice = slice(None),
        iou_floor: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode as `forward` does: the wanted masks, the scores of all of them.

        Each object may have an image of its own: ``embedding`` (N or 1, C, h, w) and
        ``image_pe`` alike. Without gradients the folded form is used; there, masks
        of prompts none of whose wanted scores reaches ``iou_floor`` stay empty.
        """
        output_tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([output_tokens.expand(len(sparse), -1, -1), sparse], 1)
        if torch.is_grad_enabled():
            return self._decode_plainly(embedding + dense, image_pe, tokens, wanted)
        return self._decode_folded(
            embedding, image_pe, tokens, dense, wanted, iou_floor
        )

    def _decode_plainly(
        self, image: Tensor, image_pe: Tensor, tokens: Tensor, wanted: slice
    ) -> tuple[Tensor, Tensor]:
        """Decode as the paper writes it; the folded form is tested against this."""
        height, width = image.shape[-2:]
        image_tokens, place_tokens = (
            x.flatten(2).transpose(1, 2) for x in (image, image_pe)
        )
        tokens, image = self.transformer(image_tokens, place_tokens, tokens)
        image = image.mT.reshape(*image.shape[::2], height, width)
        upscaled = self.output_upscaling(image)
        logits = self._mask_weights(tokens, wanted) @ upscaled.flatten(2)
        return (
            logits.view(*logits.shape[:2], *upscaled.shape[-2:]),
            self.iou_prediction_head(tokens[:, 0]),
        )

    def _decode_folded(
        self,
        embedding: Tensor,
        image_pe: Tensor,
        tokens: Tensor,
        dense: Tensor,
        wanted: slice,
        iou_floor: float | None,
    ) -> tuple[Tensor, Tensor]:
        """Decode a few prompts at a time, with an image side that they share."""
        height, width = embedding.shape[-2:]
        n_objects, dtype = len(tokens), self.image_dtype
        n_masks = len(range(len(self.mask_tokens.weight))[wanted])
        logits = tokens.new_empty(n_objects, n_masks, 4 * height, 4 * width)
        scores = []
        is_shared = len(embedding) == len(image_pe) == 1 and dense.shape[-1] == 1
        shared = (
            self._shared_side.get(self.transformer, embedding, image_pe, dense, dtype)
            if is_shared
            else None
        )
        n_together = _PROMPTS_ON_CARD
        if not is_card(tokens.device):
            n_bytes = height * width * tokens.shape[-1] * dtype.itemsize
            is_half = dtype.itemsize < 4
            most = _BYTES_ON_CPU if is_half else _FLOAT32_BYTES_ON_CPU
            n_together = max(1, most // n_bytes)
        upscaling = TokenUpscaling.create(self.output_upscaling, dtype)
        room: Tensor | None = None
        for start in range(0, n_objects, n_together):
            part = slice(start, start + n_together)
            side = shared or ImageSide.create(
                self.transformer,
                of_rows(embedding, part) + of_rows(dense, part),
                of_rows(image_pe, part),
                is_shared=False,
                dtype=dtype,
            )
            n = len(tokens[part])
            if not is_card(tokens.device) and (room is None or not is_shared):
                room = side.room(n)
            decoded, image = transform(
                self.transformer,
                side,
                tokens[part],
                None if room is None else room[:n],
            )
            weights = self._mask_weights(decoded, wanted).to(dtype)
            iou = self.iou_prediction_head(decoded[:, 0])
            scores.append(iou)
            promising = torch.arange(n)
            if iou_floor is not None:
                is_promising = (iou[:, wanted] >= iou_floor).any(1)
                promising = is_promising.cpu().nonzero()[:, 0]
            if len(promising) == n:
                upscaling.paint(image, weights, logits[part])
            else:
                logits[part] = NOTHING
                for i in promising.tolist():
                    one = slice(i, i + 1)
                    upscaling.paint(image[one], weights[one], logits[part][one])
        return logits, torch.cat(scores) if scores else tokens.new_empty(0, n_masks)

    def _mask_weights(self, tokens: Tensor, wanted: slice) -> Tensor:
        """Weights (N, M, C / 8) that make the wanted masks of the upscaled image."""
        networks = self.output_hypernetworks_mlps
        indices = range(len(networks))[wanted]
        return torch.stack([networks[i](tokens[:, 1 + i]) for i in indices], 1)
