"""How good masks are: from clicks, from boxes and in everything mode.

    python benchmarks/quality.py --data ../shared/data --sets dsb2018 --model nano \
        --json quality.json [--limit 20] [--part test]

Each folder DATA/SET holds ``images/`` and ``labels/`` with the same stems; labels are
integers, 0 is ground. Volumes are taken slice by slice, with one range of intensities
for all slices, as in use. Of a movie in the layout of the
Cell Tracking Challenge the frames of sequence 01 are taken that have masks, the silver
ones if there are any: where these leave out objects, ap50 and map say nothing.

one_click_miou       mean IoU of the mask with the highest predicted IoU, from one click
                     on the pixel of the object that is farthest from its border
best_of_three_miou   the same for the best of the three masks
three_click_miou     after two corrections at the farthest pixel of the largest error,
                     each answered as in the dock: from the logits of the mask before
                     and, by models with a proposal head, from all clicks alone as well;
                     the mean of both answers counts
box_miou             from the box around the object's pixels
iou_rank_correlation Spearman's, between predicted and true IoU of all one-click masks
ap50, map            TP / (TP + FP + FN) of everything mode at IoU 0.5 and its mean over
                     0.5:0.95 in steps of 0.05, objects pooled over the images of a set
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats
from scipy.optimize import linear_sum_assignment
from skimage.io import imread
from skimage.measure import label
from skimage.segmentation import relabel_sequential

from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.engine.labels import masks_to_labels
from napari_segment_anything.engine.mask_set import MaskSet, interior_point
from napari_segment_anything.engine.plane_predictor import PlanePredictor
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import INSIDE, OUTSIDE, Prompts
from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.models.load import load_model

SPLITS_FILE = Path(__file__).resolve().parents[1] / "training" / "splits.json"
IOU_THRESHOLDS = np.arange(0.5, 1.0, 0.05)
OBJECTS_PER_BATCH = 32
N_CLICKS = 3
CORRECTIONS = ("dock", "clicks")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TruePlane:
    """One plane with its truth, and the intensities that are black and white in it."""

    name: str
    image: Array
    labels: Array
    intensity_range: tuple[float, float]


@dataclass
class Scores:
    """What is pooled over the images of a set.

    ``corrections`` is one of `CORRECTIONS`.
    """

    corrections: str = "dock"
    one_click: list[float] = field(default_factory=list)
    best_of_three: list[float] = field(default_factory=list)
    three_clicks: list[float] = field(default_factory=list)
    box: list[float] = field(default_factory=list)
    predicted_iou: list[float] = field(default_factory=list)
    true_iou: list[float] = field(default_factory=list)
    n_true_positive: Array = field(
        default_factory=lambda: np.zeros(len(IOU_THRESHOLDS), int)
    )
    n_found: int = 0
    n_objects: int = 0
    n_images: int = 0

    def summary(self, seconds: float) -> dict[str, float | int | None]:
        """Return the figures of a set; None where there is nothing to measure."""
        n_false = self.n_found + self.n_objects - self.n_true_positive
        precision = self.n_true_positive / np.maximum(n_false, 1)
        rank = None
        if len(self.true_iou) > 2 and np.ptp(self.predicted_iou) > 0:
            rank = float(stats.spearmanr(self.predicted_iou, self.true_iou).statistic)
        return {
            "one_click_miou": _mean(self.one_click),
            "three_click_miou": _mean(self.three_clicks),
            "box_miou": _mean(self.box),
            "best_of_three_miou": _mean(self.best_of_three),
            "iou_rank_correlation": rank,
            "ap50": float(precision[0]),
            "map": float(precision.mean()),
            "n_images": self.n_images,
            "n_objects": self.n_objects,
            "seconds": round(seconds, 2),
        }


def read_planes(
    folder: Path, names: set[str] | None, limit: int | None
) -> Iterator[TruePlane]:
    """Read the planes of a set, evenly spread where a limit is given.

    Names are stems, or ``stem:slice`` for volumes; None takes all.
    """
    listed: list[tuple[str, Path, Path, int | None]] = []
    for image_path, label_path in image_files(folder):
        labels_shape = imread(label_path).shape
        slices = [None] if len(labels_shape) == 2 else range(labels_shape[0])
        for z in slices:
            name = image_path.stem if z is None else f"{image_path.stem}:{z}"
            if names is None or name in names:
                listed.append((name, image_path, label_path, z))
    if limit is not None and limit < len(listed):
        chosen = np.linspace(0, len(listed) - 1, limit).round().astype(int)
        listed = [listed[i] for i in chosen]
    for name, image_path, label_path, z in listed:
        image, labels = imread(image_path), imread(label_path)
        whole = image
        if z is not None:
            image, labels = image[z], labels[z]
        elif image.ndim == 3 and image.shape[:2] != labels.shape:
            image = image[len(image) // 2]  # focal planes: the middle one
        if image.ndim == 3:
            image = image[..., :3] if image.shape[-1] >= 3 else image[..., 0]
        # One range for all slices of a volume, as for every stack.
        intensity_range = percentile_range(image if z is None else whole)
        yield TruePlane(name, image, labels, intensity_range)


def pieces(labels: Array, min_pixels: int) -> Array:
    """Give each connected piece of an object a number; small ones become ground.

    An object of a volume may be cut into several pieces by a slice of it.
    """
    numbered = label(labels, connectivity=2)
    is_small = np.bincount(numbered.ravel()) < min_pixels
    numbered[is_small[numbered]] = 0
    return relabel_sequential(numbered)[0]


def image_files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Images of a set, each with its labels."""
    if (folder / "images").is_dir():
        for image_path in sorted((folder / "images").iterdir()):
            label_path = next((folder / "labels").glob(f"{image_path.stem}.*"), None)
            if label_path is None:
                print(f"{image_path}: no labels, left out", file=sys.stderr)
            else:
                yield image_path, label_path
        return
    truths = [folder / f"01_{kind}" / "SEG" for kind in ("ST", "GT")]
    masks = next((truth for truth in truths if truth.is_dir()), None)
    if masks is None:
        raise SystemExit(
            f"{folder} has neither images/ nor the masks of a movie in 01_ST or 01_GT; "
            "check --data and --sets."
        )
    for label_path in sorted(masks.glob("man_seg*.tif")):
        number = label_path.stem.removeprefix("man_seg")
        yield folder / "01" / f"t{number}.tif", label_path


def score_plane(
    predictor: MaskPredictor,
    settings: AutomaticSettings,
    plane: TruePlane,
    scores: Scores,
) -> None:
    """Measure one plane and add it to the scores of its set."""
    truth = MaskSet.from_labels(plane.labels)
    black_white = plane.intensity_range
    embedding = predictor.embed(plane.image, intensity_range=black_white)
    prompted = PlanePredictor(
        predictor, plane.image, intensity_range=black_white, embedding=embedding
    )
    for start in range(0, len(truth), OBJECTS_PER_BATCH):
        objects = truth.select(slice(start, start + OBJECTS_PER_BATCH))
        score_clicks(prompted, objects, scores)
        score_boxes(prompted, objects, scores)
    found = AutomaticMaskGenerator(predictor, settings).generate(
        plane.image, intensity_range=black_white, embedding=embedding
    )
    painted = MaskSet.from_labels(masks_to_labels(found))
    scores.n_true_positive += matches(painted, truth)
    scores.n_found += len(painted)
    scores.n_objects += len(truth)
    scores.n_images += 1


def score_clicks(prompted: PlanePredictor, truth: MaskSet, scores: Scores) -> None:
    """One click for each object, then corrections."""
    points = truth.points[:, np.newaxis]
    labels = np.full((len(truth), 1), INSIDE)
    answered = prompted.answer(Prompts(points, labels))
    masks = [answered.select(slice(3 * i, 3 * i + 3)) for i in range(len(truth))]
    iou = answered.predicted_iou.reshape(-1, 3)
    true_iou = np.array(
        [
            [truth.iou_with(i, three, k) for k in range(3)]
            for i, three in enumerate(masks)
        ]
    )
    best = iou.argmax(axis=1)
    everyone = np.arange(len(truth))
    scores.one_click += true_iou[everyone, best].tolist()
    scores.best_of_three += true_iou.max(axis=1).tolist()
    scores.predicted_iou += iou.ravel().tolist()
    scores.true_iou += true_iou.ravel().tolist()
    shown = [three.select([k]) for three, k in zip(masks, best, strict=True)]
    for _ in range(1, N_CLICKS):
        clicks = [correction(truth, i, mask) for i, mask in enumerate(shown)]
        new_points = np.array([point for point, _ in clicks])
        new_labels = np.array([label for _, label in clicks])
        points = np.concatenate([points, new_points[:, np.newaxis]], axis=1)
        labels = np.concatenate([labels, new_labels[:, np.newaxis]], axis=1)
        prompts = Prompts(points, labels)
        if scores.corrections == "dock":
            shown = [
                prompted.answer(
                    prompts.select(slice(i, i + 1)),
                    multimask=False,
                    n_clicks=points.shape[1],
                )
                for i in range(len(truth))
            ]
        else:
            answered = prompted.answer(prompts, multimask=False)
            shown = [answered.select([i]) for i in range(len(truth))]
    scores.three_clicks += [truth.iou_with(i, one, 0) for i, one in enumerate(shown)]


def score_boxes(prompted: PlanePredictor, truth: MaskSet, scores: Scores) -> None:
    """Prompt each object with the outline of its pixels."""
    # Half-open slices to the outer borders of the first and of the last pixels.
    prompts = Prompts.from_boxes(truth.boxes - 0.5)
    masks = prompted.answer(prompts, multimask=False)
    scores.box += [truth.iou_with(i, masks, i) for i in range(len(truth))]


def correction(truth: MaskSet, i: int, shown: MaskSet) -> tuple[Array, int]:
    """Click at the farthest pixel of the largest connected region of error.

    Without an error the object is clicked once more, at the same pixel.
    """
    low = np.minimum(truth.boxes[i, :2], shown.boxes[0, :2])
    high = np.maximum(truth.boxes[i, 2:], shown.boxes[0, 2:])
    canvas = np.zeros((2, *(high - low)), dtype=bool)
    for layer, (masks, k) in enumerate(((truth, i), (shown, 0))):
        y0, x0 = masks.boxes[k, :2] - low
        height, width = masks.masks[k].shape
        canvas[layer, y0 : y0 + height, x0 : x0 + width] = masks.masks[k]
    expected, found = canvas
    regions, n_regions = ndimage.label(expected & ~found)
    excess, n_excess = ndimage.label(found & ~expected)
    if n_regions + n_excess == 0:
        return truth.points[i], INSIDE
    regions = np.where(excess > 0, excess + n_regions, regions)
    largest = np.bincount(regions.ravel())[1:].argmax() + 1
    point = np.add(interior_point(regions == largest), low).astype(np.float32)
    return point, INSIDE if largest <= n_regions else OUTSIDE


def matches(found: MaskSet, truth: MaskSet) -> Array:
    """Count true positives at each IoU threshold; an object is matched once at most."""
    iou = found.overlap_matrix(truth)
    n_matched = []
    for threshold in IOU_THRESHOLDS:
        # Floating point makes 0.55 of 11 / 20 a little less.
        is_match = iou >= threshold - 1e-9
        rows, columns = linear_sum_assignment(is_match, maximize=True)
        n_matched.append(int(is_match[rows, columns].sum()))
    return np.array(n_matched)


def names_of_part(set_name: str, part: str) -> set[str] | None:
    """Names of a part of the frozen split; all of a set that was not split."""
    if part == "all":
        return None
    splits = json.loads(SPLITS_FILE.read_text())
    return set(splits[set_name][part]) if set_name in splits else None


def changed(settings: AutomaticSettings, changes: Sequence[str]) -> AutomaticSettings:
    """Apply ``name=value`` to settings of everything mode."""
    values = {}
    for change in changes:
        name, value = change.split("=", 1)
        values[name] = json.loads(value)
    return replace(settings, **values)


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Measure all sets."""
    predictor = load_model(
        arguments.model, device=arguments.device, precision=arguments.precision
    )
    settings = changed(
        AutomaticSettings.for_model(predictor.config), arguments.settings
    )
    results = {}
    for set_name in arguments.sets.split(","):
        folder = arguments.data / set_name
        scores = Scores(corrections=arguments.corrections)
        start = time.perf_counter()
        names = names_of_part(set_name, arguments.part)
        for plane in read_planes(folder, names, arguments.limit):
            if arguments.pieces:
                labels = pieces(plane.labels, arguments.pieces)
                plane = replace(plane, labels=labels)
            if arguments.max_side and max(plane.labels.shape) > arguments.max_side:
                continue
            score_plane(predictor, settings, plane, scores)
        results[set_name] = scores.summary(time.perf_counter() - start)
        print(set_name, json.dumps(results[set_name]), flush=True)
    return results


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--sets", required=True, help="names, with commas between")
    parser.add_argument("--model", default="nano", help="name or path of the weights")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--limit", type=int, help="most images of a set")
    parser.add_argument(
        "--max-side", type=int, help="leave out planes with a longer side, in pixels"
    )
    parser.add_argument(
        "--pieces",
        type=int,
        default=0,
        metavar="PIXELS",
        help="take each connected piece of an object for an object, if it has so many "
        "pixels; by default objects are as the labels say",
    )
    parser.add_argument("--device", default=None, help="auto, cpu, cuda, mps")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "auto"),
        default="float32",
        help="of the model; float32 gives the same figures on every processor",
    )
    parser.add_argument(
        "--part",
        choices=("all", "train", "validation", "test"),
        default="all",
        help="part of the frozen split, for the sets that the bundled model saw",
    )
    parser.add_argument(
        "--corrections",
        choices=CORRECTIONS,
        default="dock",
        help="what a correction starts from: all clicks alone, or as in the dock",
    )
    parser.add_argument(
        "--settings",
        nargs="*",
        default=[],
        metavar="NAME=VALUE",
        help="settings of everything mode, such as pred_iou_thresh=0.6",
    )
    arguments = parser.parse_args()
    try:
        results = measure(arguments)
    except SegmentAnythingError as error:
        raise SystemExit(str(error)) from error
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


if __name__ == "__main__":
    main()
