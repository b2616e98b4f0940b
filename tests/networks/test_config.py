"""Which models decode by fixed steps, and that those never wait for the CPU."""

from dataclasses import replace

import pytest
import torch

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import build_sam

FIXED = replace(CONFIGS["tiny"], has_proposal_head=False, decoder_window=0)


def test_published_models_have_fixed_steps_and_ours_not():
    fixed = {name for name, config in CONFIGS.items() if config.has_fixed_steps}
    assert fixed == {"vit_b", "vit_l", "vit_h", "vit_t"}
    assert FIXED.has_fixed_steps
    assert not replace(FIXED, has_proposal_head=True).has_fixed_steps
    # 16 tokens are all there are.
    assert not replace(FIXED, decoder_window=8).has_fixed_steps
    assert replace(FIXED, decoder_window=16).has_fixed_steps


def on_meta(*shape, dtype=torch.float32):
    return torch.empty(*shape, device="meta", dtype=dtype)


def points(n, n_points):
    labels = on_meta(n, n_points, dtype=torch.int64)
    return {"points_xy": on_meta(n, n_points, 2), "point_labels": labels}


@pytest.mark.parametrize("single_is_best", [True, False])
@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize(
    "prompts",
    [
        points(1, 1),
        points(70, 3),
        points(3, 2) | {"boxes_xyxy": on_meta(3, 4)},
        {"boxes_xyxy": on_meta(1, 4)},
        {"masks": on_meta(1, 1, 64, 64)},
        points(3, 2) | {"masks": on_meta(3, 1, 64, 64)},
    ],
)
def test_fixed_steps_need_no_value_on_the_cpu(
    monkeypatch, prompts, multimask, single_is_best
):
    """Nothing that is asked has a value here, and nothing may be sent after it."""
    sam = build_sam(replace(FIXED, single_is_best_of_several=single_is_best))
    prepare_for_inference(sam)
    sam.to("meta")

    def fail(*_, **__):
        raise AssertionError("numbers are sent to the card")

    for name in ("tensor", "as_tensor", "from_numpy"):
        monkeypatch.setattr(torch, name, fail)
    with torch.inference_mode():
        logits, iou = sam.decode(
            on_meta(1, FIXED.transformer_dim, 16, 16), multimask=multimask, **prompts
        )
    n = len(next(iter(prompts.values())))
    assert logits.shape == (n, 3 if multimask else 1, 64, 64)
    assert iou.shape == logits.shape[:2]
