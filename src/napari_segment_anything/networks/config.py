"""Sizes of the published networks, of the bundled one and of one for tests."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ViTConfig:
    """Plain vision transformer of SAM (ViT-Det): windows, few global blocks.

    Source: Kirillov et al., "Segment Anything", 2023; sizes from the published
    checkpoints.
    """

    embed_dim: int
    depth: int
    n_heads: int
    global_blocks: tuple[int, ...]
    patch_size: int = 16
    window_size: int = 14
    mlp_ratio: float = 4.0


@dataclass(frozen=True)
class TinyViTConfig:
    """Hierarchical encoder: convolutional stages, then attention in windows.

    ``strides[i]`` is what the step after stage ``i`` divides the resolution by; after
    the stem, a plane has a quarter of its resolution. The first ``n_conv_stages`` are
    convolutional, with ``has_fused_convolutions`` of dense instead of depthwise ones:
    more arithmetic in less time, on a CPU too. With ``pyramid_stage`` the features of
    the stem and of all stages are brought to that stage's resolution, its stride being
    that of the embedding, and mixed in ``n_pyramid_blocks``.

    Source: Wu et al., "TinyViT", 2022; MobileSAM for the published sizes; Tan and Le,
    "EfficientNetV2", 2021, for fused convolutions.
    """

    embed_dims: tuple[int, ...]
    depths: tuple[int, ...]
    n_heads: tuple[int, ...]
    window_sizes: tuple[int, ...]
    strides: tuple[int, ...]
    mlp_ratio: float = 4.0
    conv_expand_ratio: float = 4.0
    n_classes: int = 0
    n_conv_stages: int = 1
    has_fused_convolutions: bool = False
    pyramid_stage: int | None = None
    n_pyramid_blocks: int = 0


@dataclass(frozen=True)
class SamConfig:
    """Sizes of one whole SAM.

    ``image_size`` is the side of the square model frame in pixels,
    ``embedding_stride`` the frame pixels under one token of the image embedding. With
    ``decoder_window`` a prompt is decoded on a square of that many tokens a side about
    its object, or on twice as many, up to the whole frame (0: always). With
    ``single_is_best_of_several`` a single answer is the mask of the several with the
    highest predicted IoU, rather than that of the output for single masks.
    """

    name: str
    image_encoder: ViTConfig | TinyViTConfig
    image_size: int = 1024
    embedding_stride: int = 16
    transformer_dim: int = 256
    transformer_depth: int = 2
    transformer_n_heads: int = 8
    transformer_mlp_dim: int = 2048
    mask_in_dim: int = 16
    n_multimask: int = 3
    iou_head_depth: int = 3
    iou_head_hidden_dim: int = 256
    has_proposal_head: bool = False
    has_box_centre: bool = False
    single_is_best_of_several: bool = False
    decoder_window: int = 0

    @property
    def embedding_size(self) -> int:
        """Side of the image embedding in tokens."""
        return self.image_size // self.embedding_stride

    @property
    def has_fixed_steps(self) -> bool:
        """Whether all prompts of equal shapes are decoded by the same steps."""
        is_windowed = 0 < self.decoder_window < self.embedding_size
        return not self.has_proposal_head and not is_windowed

    @property
    def low_res_size(self) -> int:
        """Side of the low-resolution mask logits in pixels."""
        return 4 * self.embedding_size

    @property
    def low_res_stride(self) -> float:
        """Frame pixels of a low-resolution one."""
        return self.image_size / self.low_res_size


CONFIGS: dict[str, SamConfig] = {
    config.name: config
    for config in (
        SamConfig("vit_b", ViTConfig(768, 12, 12, (2, 5, 8, 11))),
        SamConfig("vit_l", ViTConfig(1024, 24, 16, (5, 11, 17, 23))),
        SamConfig("vit_h", ViTConfig(1280, 32, 16, (7, 15, 23, 31))),
        SamConfig(
            "vit_t",
            TinyViTConfig(
                embed_dims=(64, 128, 160, 320),
                depths=(2, 2, 6, 2),
                n_heads=(2, 4, 5, 10),
                window_sizes=(7, 7, 14, 7),
                strides=(2, 2, 1),
                n_classes=1000,
            ),
        ),
        SamConfig(
            "nano",
            TinyViTConfig(
                embed_dims=(48, 128, 192),
                depths=(1, 2, 6),
                n_heads=(1, 1, 6),
                window_sizes=(8, 8, 8),
                strides=(2, 2),
                conv_expand_ratio=2.0,
                n_conv_stages=2,
                has_fused_convolutions=True,
                pyramid_stage=1,
                n_pyramid_blocks=3,
            ),
            image_size=512,
            embedding_stride=8,
            transformer_dim=128,
            transformer_n_heads=4,
            transformer_mlp_dim=512,
            iou_head_hidden_dim=128,
            has_proposal_head=True,
            has_box_centre=True,
            # On validation images the best of three masks by predicted IoU is better
            # than the mask of the single output, also for boxes and corrections.
            single_is_best_of_several=True,
            decoder_window=16,
        ),
        SamConfig(
            "tiny",
            TinyViTConfig(
                embed_dims=(8, 16, 16),
                depths=(1, 1, 1),
                n_heads=(1, 1, 1),
                window_sizes=(4, 4, 4),
                strides=(2, 2),
                conv_expand_ratio=2.0,
                n_conv_stages=2,
                has_fused_convolutions=True,
                pyramid_stage=1,
                n_pyramid_blocks=1,
            ),
            image_size=128,
            embedding_stride=8,
            transformer_dim=32,
            transformer_n_heads=2,
            transformer_mlp_dim=32,
            iou_head_hidden_dim=16,
            has_proposal_head=True,
            has_box_centre=True,
            decoder_window=8,
        ),
    )
}
