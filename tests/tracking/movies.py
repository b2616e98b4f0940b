"""Small hand-made movies with names; each knows what should come out."""

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet

SHAPE = (96, 160)
N_FRAMES = 7


def disks(*circles, shape=SHAPE):
    """Mask set of circles (y, x, radius), in the order given."""
    y, x = np.indices(shape)
    return from_full([(y - cy) ** 2 + (x - cx) ** 2 <= r * r for cy, cx, r in circles])


def from_full(full_masks, shape=SHAPE):
    """Mask set of full-size boolean masks."""
    if not full_masks:
        return MaskSet.empty(shape)
    boxes, crops = [], []
    for mask in full_masks:
        rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
        box = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
        boxes.append(box)
        crops.append(mask[box[0] : box[2], box[1] : box[3]])
    return MaskSet.from_masks(shape, boxes, crops)


def division():
    """One object divides between frames 3 and 4; another one stays as it is."""
    before = [disks((40, 60 + t, 10), (70, 130, 9)) for t in range(4)]
    after = [disks((70, 130, 9), (33 - t, 64, 7), (47 + t, 64, 7)) for t in range(1, 4)]
    return before + after


def one_frame_gap():
    """An object is missed in frame 3; its neighbour is not."""
    frames = [disks((40, 50 + 2 * t, 9), (70, 120, 9)) for t in range(N_FRAMES)]
    return [frame.select([1]) if t == 3 else frame for t, frame in enumerate(frames)]


def apart():
    """Two objects that meet in frame 3 without growing together."""
    gaps = (16, 13, 11, 10, 11, 13, 16)
    return [disks((48, 80 - gap, 9), (48, 81 + gap, 9)) for gap in gaps]


def merged_then_split():
    """As `apart`, but in frame 3 one mask holds both."""
    frames = apart()
    both = frames[3].full_mask(0) | frames[3].full_mask(1)
    both[46:51, 78:84] = True
    frames[3] = from_full([both])
    return frames


def broken_for_a_moment():
    """One object falls into two masks in frame 3 only."""
    frames = [disks((48, 60 + t, 12), (20, 130, 9)) for t in range(N_FRAMES)]
    whole = frames[3].full_mask(0)
    left, right = whole.copy(), whole.copy()
    left[:, 66:] = False
    right[:, :66] = False
    frames[3] = from_full([left, right, frames[3].full_mask(1)])
    return frames


def crossing():
    """Two rows of objects fly past each other, nearer than they move in a frame."""
    return [
        disks(
            *[(30, 20 + 14 * t + 40 * k, 6) for k in range(2)],
            *[(43, 140 - 14 * t - 40 * k, 6) for k in range(2)],
        )
        for t in range(6)
    ]


def enters_late():
    """A second object appears in frame 3 and stays."""
    return [
        disks((40, 50, 9), (70, 110, 9)) if t >= 3 else disks((40, 50, 9))
        for t in range(N_FRAMES)
    ]


class TruthPredictor:
    """Answers each prompt with the true mask under its point, and two useless ones."""

    def __init__(self, truth, confidence=0.9):
        self.truth = truth
        self.confidence = confidence
        self.asked = []

    def predict(self, frame, prompts):
        self.asked.append(frame)
        truth = self.truth[frame]
        boxes, masks, scores = [], [], []
        everything = np.ones(truth.shape, bool)
        for n in range(prompts.n_objects):
            y, x = (int(v) for v in prompts.points[n, 0])
            hit = [k for k in range(len(truth)) if truth.full_mask(k)[y, x]]
            if hit:
                boxes.append(truth.boxes[hit[0]])
                masks.append(truth.masks[hit[0]])
                scores.append(self.confidence)
            else:
                boxes.append((0, 0, 0, 0))
                masks.append(np.zeros((0, 0), bool))
                scores.append(0.0)
            boxes += [(0, 0, *truth.shape), (0, 0, 0, 0)]
            masks += [everything, np.zeros((0, 0), bool)]
            scores += [self.confidence, 0.0]
        points = np.zeros((len(masks), 2))
        return MaskSet.from_masks(
            truth.shape, boxes, masks, predicted_iou=scores, points=points
        )
