"""Which model a state dict belongs to, and loading it strictly."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..errors import CheckpointError
from .config import CONFIGS
from .sam import Sam


def _fingerprint(state: Mapping[str, Tensor]) -> tuple[object, ...]:
    """Shapes that tell the architectures apart."""
    keys = (
        "image_encoder.patch_embed.proj.weight",
        "image_encoder.patch_embed.seq.2.c.weight",
        "mask_decoder.mask_tokens.weight",
        "image_encoder.neck.0.weight",
    )
    return tuple(tuple(state[key].shape) if key in state else None for key in keys)


def infer_config_name(state: Mapping[str, Tensor]) -> str:
    """Name of the config whose shapes a state dict has.

    Raises
    ------
    CheckpointError
        If it is not a SAM of a known architecture.
    """
    found = _fingerprint(state)
    for name, config in CONFIGS.items():
        with torch.device("meta"):
            expected = _fingerprint(Sam(config).state_dict())
        if found == expected:
            return name
    raise CheckpointError(
        "This file is not a Segment Anything model that is known here: its layers have "
        f"other names or sizes. Known architectures: {', '.join(CONFIGS)}."
    )


def load_into(sam: Sam, state: Mapping[str, Tensor]) -> None:
    """Load weights strictly: the same keys and the same shapes.

    Raises
    ------
    CheckpointError
        Names what is missing, unexpected or of another shape.
    """
    own = sam.state_dict()
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(state.keys() - own.keys())
    unlike = sorted(
        key for key in own.keys() & state.keys() if own[key].shape != state[key].shape
    )
    problems = [
        f"{len(keys)} {word} (first: {keys[0]})"
        for word, keys in (
            ("entries missing", missing),
            ("entries too many", unexpected),
            ("entries of another shape", unlike),
        )
        if keys
    ]
    if problems:
        raise CheckpointError(
            f"The weights do not fit the architecture {sam.config.name}: "
            f"{'; '.join(problems)}. Choose a file made for this architecture."
        )
    sam.load_state_dict(dict(state), strict=True)
