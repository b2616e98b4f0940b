"""Prompts decoded on the part of an image embedding about their objects."""

from collections.abc import Sequence

from torch import Tensor

from .config import SamConfig
from .mask_decoder import NOTHING, MaskDecoder
from .prompt_batch import PromptBatch
from .prompt_encoder import PromptEncoder
from .token_windows import (
    TOKEN,
    TokenWindows,
    fitting_sides,
    is_cut,
    known_extents,
    place_windows,
    window_sides,
)


def decode_about_objects(
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
    config: SamConfig,
    embedding: Tensor,
    prompts: PromptBatch,
    multimask: bool,
    iou_floor: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Decode each prompt in the smallest window that shows its answer whole.

    Parameters
    ----------
    prompt_encoder, mask_decoder, config : PromptEncoder, MaskDecoder, SamConfig
        Of the model.
    embedding : Tensor, (1, C, h, w)
        Of the frame.
    prompts : PromptBatch
        Of N objects.
    multimask : bool
        Three masks, otherwise one.
    iou_floor : float, optional
        Where all of a prompt's scores are below, its masks may be left empty.

    Returns
    -------
    logits : Tensor, (N, M, 4 h, 4 w)
    predicted_iou : Tensor, (N, M)
    """
    grid = config.embedding_size
    wanted = slice(1, None) if multimask else slice(0, 1)
    sides = window_sides(config.decoder_window, grid)
    if len(sides) == 1:
        everywhere = TokenWindows(grid, [(0, 0)] * len(prompts))
        return decode_in_windows(
            prompt_encoder,
            mask_decoder,
            embedding,
            prompts,
            everywhere,
            wanted=wanted,
            iou_floor=iou_floor,
        )
    # Where windows lie is decided on the CPU: corners are numbers of Python.
    extents = known_extents(prompts, config.low_res_stride).cpu()
    level = fitting_sides(extents, sides)
    n_masks = config.n_multimask if multimask else 1
    shape = (len(prompts), n_masks, 4 * grid, 4 * grid)
    logits, iou = (
        embedding.new_full(shape, NOTHING),
        embedding.new_zeros(shape[:2]),
    )
    for k, side in enumerate(sides):
        chosen = (level == k).nonzero()[:, 0]
        if not len(chosen):
            continue
        windows = place_windows(extents[chosen], side, grid)
        answer, scores = decode_in_windows(
            prompt_encoder,
            mask_decoder,
            embedding,
            prompts.select(chosen),
            windows,
            wanted=wanted,
        )
        if side < grid:
            level[chosen[is_cut(answer, scores, windows, grid).cpu()]] = k + 1
        windows.paste(answer, logits, chosen.tolist())
        iou[chosen] = scores
    return logits, iou


def decode_in_windows(
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
    embedding: Tensor,
    prompts: PromptBatch,
    windows: TokenWindows,
    *,
    wanted: slice = slice(None),
    rows: Sequence[int] | None = None,
    origins: Sequence[tuple[int, int]] = ((0, 0),),
    iou_floor: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Decode the prompts of N objects, each in its window.

    Parameters
    ----------
    prompt_encoder, mask_decoder : PromptEncoder, MaskDecoder
        Of the model.
    embedding : Tensor, (B, C, h, w)
        Of a frame, or of several crops of frames.
    prompts : PromptBatch
        Points and boxes in frame pixels, masks (N, 1, 4 h, 4 w) of the embedding.
    windows : TokenWindows
        One a prompt.
    wanted : slice
        Which of the masks, of the single one and the several.
    rows : sequence of int, optional
        Which embedding each prompt is asked of; by default the only one.
    origins : sequence of tuple
        Frame position of the first token of each embedding.
    iou_floor : float, optional
        As for `MaskDecoder.decode_all`.

    Returns
    -------
    logits : Tensor, (N, M, 4 side, 4 side)
    predicted_iou : Tensor, (N, M)
    """
    masks = prompts.masks
    if masks is not None:
        masks = windows.cut(masks, range(len(masks)), TOKEN)
    sparse, dense = prompt_encoder(
        prompts.points_xy,
        prompts.point_labels,
        prompts.boxes_xyxy,
        masks,
        prompts.is_mask_given,
    )
    in_frame = windows
    if any(origin != (0, 0) for origin in origins):
        of_prompt = rows or [0] * len(windows.corners)
        in_frame = TokenWindows(
            windows.side,
            [
                (y + origins[row][0], x + origins[row][1])
                for (y, x), row in zip(windows.corners, of_prompt, strict=True)
            ],
        )
    logits, iou = mask_decoder.decode_all(
        windows.cut(embedding, rows),
        in_frame.cut(prompt_encoder.dense_pe()),
        sparse,
        dense,
        wanted,
        iou_floor,
    )
    return logits, iou[:, wanted]
