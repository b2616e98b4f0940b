"""A model that decodes in windows, against one that always decodes the whole frame."""

from dataclasses import replace

import torch

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import build_sam
from napari_segment_anything.networks.windowed_decoding import NOTHING


def asked(sam, n=3):
    torch.manual_seed(1)
    embedding = sam.encode(torch.rand(1, 3, 128, 128) * 255)
    points = torch.rand(n, 1, 2) * 60 + 30
    return embedding, {"points_xy": points, "point_labels": torch.ones(n, 1)}


def test_a_small_object_is_decoded_in_its_window_only():
    torch.manual_seed(0)
    sam = build_sam(CONFIGS["tiny"])
    with torch.inference_mode():
        embedding, prompts = asked(sam)
        # A flat head sees no object, so that windows lie about the points.
        maps = torch.full((1, 5, 64, 64), -1.0)
        sides = []
        decode_all = sam.mask_decoder.decode_all

        def noted(embedding, *arguments):
            sides.append(embedding.shape[-1])
            logits, iou = decode_all(embedding, *arguments)
            return logits - 100, iou  # empty masks, that nothing cuts

        sam.mask_decoder.decode_all = noted
        logits, _ = sam.decode(embedding, **prompts, maps=maps)
    assert set(sides) == {8}
    shown = (logits != NOTHING).any(1).sum((-2, -1))
    assert shown.tolist() == [32 * 32] * 3


def test_an_answer_that_reaches_the_edge_is_asked_again_of_the_whole():
    torch.manual_seed(0)
    sam = build_sam(CONFIGS["tiny"])
    whole = build_sam(replace(CONFIGS["tiny"], decoder_window=0))
    whole.load_state_dict(sam.state_dict())
    with torch.inference_mode():
        embedding, prompts = asked(sam)
        for model in (sam, whole):  # masks without an end
            for mlp in model.mask_decoder.output_hypernetworks_mlps:
                mlp.layers[-1].weight.zero_()
                mlp.layers[-1].bias.fill_(1.0)
            upscaling = model.mask_decoder.output_upscaling
            upscaling[3].weight.zero_()
            upscaling[3].bias.fill_(1.0)
        logits, iou = sam.decode(embedding, **prompts)
        expected, expected_iou = whole.decode(embedding, **prompts)
    assert (logits > 0).all()
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(iou, expected_iou)
