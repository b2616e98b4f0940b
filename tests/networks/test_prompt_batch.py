"""Prompts of several objects, chosen from."""

import torch

from napari_segment_anything.networks.prompt_batch import PromptBatch


def test_length_is_that_of_what_is_given():
    assert len(PromptBatch(torch.zeros(3, 0, 2), torch.zeros(3, 0))) == 3
    assert len(PromptBatch(boxes_xyxy=torch.zeros(2, 4))) == 2
    assert len(PromptBatch(masks=torch.zeros(4, 1, 8, 8))) == 4
    # Nothing given is one prompt of nothing, as in SAM.
    assert len(PromptBatch()) == 1


def test_some_of_the_objects_are_selected_in_all_that_is_given():
    boxes = torch.arange(12.0).view(3, 4)
    is_given = torch.tensor([True, False, True])
    prompts = PromptBatch(
        boxes_xyxy=boxes, masks=torch.zeros(3, 1, 8, 8), is_mask_given=is_given
    )
    chosen = prompts.select(torch.tensor([2, 1]))
    assert torch.equal(chosen.boxes_xyxy, boxes[[2, 1]])
    assert chosen.is_mask_given.tolist() == [True, False]
    assert len(chosen.masks) == 2
    assert chosen.points_xy is None
    assert len(prompts.select(slice(1, None))) == 2
