"""The two-way transformer with next to no work per prompt on the image's side.

The same function as `TwoWayTransformer`, for inference. With T image tokens, K prompt
tokens and H heads, T is thousands and H K a few dozen, so products are ordered such
that no image token is projected for a single prompt: keys, values and queries of an
image that all prompts share are projected once, and otherwise `folded_attention` brings
prompts to the image tokens.

What the next layer asks of the image does not depend on how this one changes it. So
the image is gone through once a layer, block by block: each block is changed and, as it
is in the cache, looked at for the next layer.
"""

import torch
from torch import Tensor

from .folded_attention import ImageChange, Look, look_at_shared
from .image_side import ImageSide, of_rows
from .layers import blocks
from .two_way_transformer import TwoWayTransformer

_TOKENS_IN_CACHE = 4096


def transform(
    transformer: TwoWayTransformer,
    image: ImageSide,
    tokens: Tensor,
    room: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """As `TwoWayTransformer.forward`, for prompt tokens (N, K, C).

    Image tokens are written to ``room`` (N, T, C), which may be those of the image:
    on a CPU memory that is asked for anew costs as much as the work in it. On a card a
    copy costs more, and there is no room. Returns prompt tokens and image tokens.
    """
    token_pe, dtype = tokens, image.tokens.dtype
    layers = transformer.blocks
    following = [layer.cross_attn_token_to_image for layer in layers[1:]]
    following.append(transformer.final_attn_token_to_image)
    tokens = layers[0].attend_to_tokens(tokens, token_pe)
    first = layers[0].cross_attn_token_to_image
    if image.keys is None:
        look = Look.create(first, tokens + token_pe, dtype)
        attended, _ = _pass_over(image, image.tokens, None, look)
    else:
        attended = look_at_shared(first, tokens + token_pe, image)
    for i, layer in enumerate(layers):
        tokens = layer.norm2(tokens + attended)
        tokens = layer.norm3(tokens + layer.mlp(tokens))
        change = ImageChange.create(layer, tokens + token_pe, tokens, dtype)
        if i + 1 < len(layers):
            tokens = layers[i + 1].attend_to_tokens(tokens, token_pe)
        look = Look.create(following[i], tokens + token_pe, dtype)
        attended, image_tokens = _pass_over(image, room, change, look)
        image = ImageSide(image_tokens, image.places)
    normed: Tensor = transformer.norm_final_attn(tokens + attended)
    return normed, image.tokens


def _pass_over(
    image: ImageSide, room: Tensor | None, change: ImageChange | None, look: Look
) -> tuple[Tensor, Tensor]:
    """Change the image tokens, written to ``room``, and look at them as they then are.

    Returns what the prompt tokens (N, K, C) saw, and the image tokens. Without room
    these are the only block.
    """
    n, n_tokens = len(look.queries), image.tokens.shape[1]
    seen = []
    changed = room
    for rows, parts in blocks(n, n_tokens, _TOKENS_IN_CACHE, image.tokens.device):
        glances = []
        for part in parts:
            tokens = of_rows(image.tokens, rows)[:, part]
            places = of_rows(image.places, rows)[:, part]
            if change is not None:
                tokens = change.of(tokens, places, image.queries, rows, part)
                if room is None:
                    changed = tokens
                else:
                    room[rows, part] = tokens
            glances.append(look.at(tokens, places, rows))
        seen.append(Look.join(glances))
    return look.project(torch.cat(seen)), image.tokens if changed is None else changed
