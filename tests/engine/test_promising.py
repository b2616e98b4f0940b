"""How likely an object is inside of masks, on hand-made maps."""

import torch

from napari_segment_anything.engine.promising import mean_foreground


def test_mean_foreground_is_that_of_the_pixels_inside_of_the_surest_mask():
    foreground = torch.tensor([[1.0, 1.0, 0.2], [1.0, 0.6, 0.0]])
    logits = torch.full((3, 2, 4, 4), -1.0)
    logits[:, 0, :2, :2] = 3.0
    logits[:, 1, 0, 2] = 0.5
    logits[2, 0] = -1.0
    logits[2, 0, :, 3] = 2.0  # beyond what the plane fills of the frame
    iou = torch.tensor([[0.8, 0.7], [0.3, 0.4], [0.9, 0.1]])
    means = mean_foreground(foreground, logits, iou)
    torch.testing.assert_close(means, torch.tensor([[0.9], [0.2], [0.0]]))
