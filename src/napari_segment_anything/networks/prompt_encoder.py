"""SAM's prompt encoder: points, boxes and rough masks to embeddings.

Source: Kirillov et al., "Segment Anything", 2023, appendix A; random positional
features after Tancik et al., 2020. Attribute names equal the checkpoints' keys.
"""

import math

import torch
from torch import Tensor, nn

from .layers import LayerNorm2d


class PositionEmbeddingRandom(nn.Module):
    """Random Fourier features of positions in the unit square."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer(
            "positional_encoding_gaussian_matrix", torch.randn(2, n_features)
        )

    def encode(self, unit_xy: Tensor) -> Tensor:
        """Encode positions (..., 2), (x, y) in [0, 1], as (..., 2 * n_features)."""
        from_middle = 2 * unit_xy - 1
        of_x, of_y = self.positional_encoding_gaussian_matrix
        # No matrix product, which autocast would leave to bfloat16: not precise to a
        # pixel.
        phase = (
            2 * math.pi * (from_middle[..., :1] * of_x + from_middle[..., 1:] * of_y)
        )
        return torch.cat([phase.sin(), phase.cos()], -1)

    def grid(self, size: int) -> Tensor:
        """Encode the centres of a square grid of tokens: (C, size, size)."""
        matrix = self.positional_encoding_gaussian_matrix
        centre = (
            torch.arange(size, device=matrix.device, dtype=matrix.dtype) + 0.5
        ) / (size)
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        return self.encode(torch.stack([x, y], -1)).permute(2, 0, 1)


class PromptEncoder(nn.Module):
    """Sparse embeddings of points and boxes, dense embeddings of masks.

    With ``has_box_centre`` a box has a third embedding, of its centre: attention then
    starts inside of the object rather than from two corners outside of it.
    """

    fixed_grid: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        embedding_size: int,
        image_size: int,
        mask_in_dim: int,
        has_box_centre: bool = False,
    ) -> None:
        super().__init__()
        self.embedding_size = embedding_size
        self.image_size = image_size
        self.pe_layer = PositionEmbeddingRandom(embed_dim // 2)
        # Out, in, and the two corners of a box.
        self.point_embeddings = nn.ModuleList(
            nn.Embedding(1, embed_dim) for _ in range(4)
        )
        self.not_a_point_embed = nn.Embedding(1, embed_dim)
        self.box_centre_embed = nn.Embedding(1, embed_dim) if has_box_centre else None
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, mask_in_dim // 4, 2, stride=2),
            LayerNorm2d(mask_in_dim // 4),
            nn.GELU(),
            nn.Conv2d(mask_in_dim // 4, mask_in_dim, 2, stride=2),
            LayerNorm2d(mask_in_dim),
            nn.GELU(),
            nn.Conv2d(mask_in_dim, embed_dim, 1),
        )
        self.no_mask_embed = nn.Embedding(1, embed_dim)
        self.register_buffer("fixed_grid", None, persistent=False)

    def dense_pe(self) -> Tensor:
        """Positional encoding of the image embedding's grid: (1, C, h, w)."""
        fixed = self.fixed_grid
        return self._grid() if fixed is None else fixed

    def fix_grid(self) -> None:
        """Compute `dense_pe` once for all prompts; weights are final from now on."""
        self.fixed_grid = self._grid()

    def _grid(self) -> Tensor:
        return self.pe_layer.grid(self.embedding_size)[None]

    def forward(
        self,
        points_xy: Tensor | None,
        point_labels: Tensor | None,
        boxes_xyxy: Tensor | None,
        masks: Tensor | None,
        is_mask_given: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embed the prompts of N objects.

        Parameters
        ----------
        points_xy : Tensor, (N, P, 2), or None
            Frame pixels, pixel centres at integers.
        point_labels : Tensor, (N, P), or None
            1 in, 0 out, -1 no point.
        boxes_xyxy : Tensor, (N, 4), or None
        masks : Tensor, (N, 1, 4 h, 4 w), or None
            Low-resolution logits.
        is_mask_given : Tensor, (N,), or None
            Which of the masks count; by default all.

        Returns
        -------
        sparse : Tensor, (N, K, C)
        dense : Tensor, (N, C, h, w), or (1, C, 1, 1) without masks
        """
        parts: list[Tensor] = []
        if points_xy is not None and point_labels is not None:
            parts.append(
                self._embed_points(points_xy, point_labels, boxes_xyxy is None)
            )
        if boxes_xyxy is not None:
            parts.append(self._embed_boxes(boxes_xyxy))
        if parts:
            sparse = torch.cat(parts, 1)
        else:
            n_objects = 1 if masks is None else masks.shape[0]
            weight = self.no_mask_embed.weight
            sparse = weight.new_empty(n_objects, 0, weight.shape[-1])
        no_mask = self.no_mask_embed.weight[..., None, None]
        if masks is None:
            return sparse, no_mask
        dense = self.mask_downscaling(masks)
        if is_mask_given is not None:
            dense = torch.where(is_mask_given[:, None, None, None], dense, no_mask)
        return sparse, dense

    def _embed_points(self, xy: Tensor, labels: Tensor, is_padded: bool) -> Tensor:
        if is_padded:  # SAM adds an entry that is no point where there is no box
            xy = torch.cat([xy, xy.new_zeros(len(xy), 1, 2)], 1)
            labels = torch.cat([labels, labels.new_full((len(labels), 1), -1)], 1)
        encoded = self.pe_layer.encode((xy + 0.5) / self.image_size)
        is_point = (labels >= 0)[..., None]
        outside, inside = self._kinds(0, 1)
        kind = torch.where((labels == 1)[..., None], inside, outside)
        return torch.where(is_point, encoded + kind, self.not_a_point_embed.weight)

    def _embed_boxes(self, xyxy: Tensor) -> Tensor:
        corners = (xyxy.reshape(-1, 2, 2) + 0.5) / self.image_size
        kinds = self._kinds(2, 3)
        if self.box_centre_embed is not None:
            corners = torch.cat([corners, corners.mean(1, keepdim=True)], 1)
            kinds.append(self.box_centre_embed.weight)
        return self.pe_layer.encode(corners) + torch.cat(kinds)

    def _kinds(self, *indices: int) -> list[Tensor]:
        weights = list(self.point_embeddings.parameters())
        return [weights[i] for i in indices]
