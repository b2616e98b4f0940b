"""Training planes: 8-bit RGB and their labels, held in memory."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.io import imread

from napari_segment_anything.engine.contrast import percentile_range, rescale_intensity
from napari_segment_anything.engine.image import as_rgb

from .split import SPLITS_FILE

SET_WEIGHTS = {
    "dsb2018": 0.43,
    "usiigaci_phase": 0.13,
    "em_fibsem_medulla": 0.18,
    "vol3d_small": 0.10,
    "baby_yeast": 0.02,
    "neubias_small": 0.01,
    "usiigaci_t98g_timelapse": 0.03,
    "synthetic": 0.10,
}
N_SYNTHETIC_PLANES = 240
CROWD_EXPONENT = 0.75  # of the number of objects of a plane
RARE_FACTOR = 2.0  # fluorescent nuclei on a dark ground outnumber the rest


@dataclass(frozen=True)
class Plane:
    """One training plane: ``image`` uint8 (H, W, 3), ``labels`` int32 (H, W).

    ``ids`` are those of its objects, ``boxes[id - 1]`` the slices that hold one.
    """

    set_name: str
    name: str
    image: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    boxes: list[tuple[slice, slice]]
    median_diameter: float
    is_rare: bool

    @property
    def n_objects(self) -> int:
        """Number of objects."""
        return len(self.ids)


def make_plane(
    set_name: str,
    name: str,
    image: np.ndarray,
    labels: np.ndarray,
    intensity_range: tuple[float, float] | None = None,
) -> Plane:
    """Rescale an image to 8-bit RGB and measure its objects."""
    low, high = intensity_range or percentile_range(image)
    rgb = as_rgb(rescale_intensity(image, low, high))
    labels = labels.astype(np.int32)
    areas = np.bincount(labels.ravel())[1:]
    ids = np.flatnonzero(areas) + 1
    diameter = 0.0
    if len(ids):
        diameter = float(np.median(2 * np.sqrt(areas[ids - 1] / np.pi)))
    spread = np.ptp(rgb.astype(np.int16), axis=-1).mean()
    is_rare = bool(spread > 2 or np.median(rgb) > 60)
    boxes = ndimage.find_objects(labels)
    return Plane(set_name, name, rgb, labels, ids, boxes, diameter, is_rare)


def _label_path(folder: Path, stem: str) -> Path:
    return next((folder / "labels").glob(f"{stem}.*"))


def _load_stills(data: Path, set_name: str, names: list[str]) -> list[Plane]:
    planes = []
    for name in names:
        image = imread(next((data / set_name / "images").glob(f"{name}.*")))
        labels = imread(_label_path(data / set_name, name))
        if image.ndim == 3 and image.shape[-1] not in (3, 4):  # focal planes
            image = image[len(image) // 2]
        planes.append(
            make_plane(
                set_name, name, image[..., :3] if image.ndim == 3 else image, labels
            )
        )
    return planes


def _load_slices(data: Path, set_name: str, names: list[str]) -> list[Plane]:
    planes = []
    for stem in dict.fromkeys(name.split(":")[0] for name in names):
        images = imread(data / set_name / "images" / f"{stem}.tif")
        labels = imread(_label_path(data / set_name, stem))
        # One range for all slices, as in use: slices beyond the tissue stay dark.
        whole = percentile_range(images)
        for z in (int(n.split(":")[1]) for n in names if n.split(":")[0] == stem):
            name = f"{stem}:{z}"
            planes.append(make_plane(set_name, name, images[z], labels[z], whole))
    return planes


def _load_weak_timelapse(data: Path) -> list[Plane]:
    name = "usiigaci_t98g_timelapse"
    folder = data / name
    planes = []
    for path in sorted((folder / "01").glob("t*.tif")):
        labels = imread(folder / "01_REF" / "TRA" / f"man_track{path.stem[1:]}.tif")
        planes.append(make_plane(name, path.stem, imread(path), labels))
    return planes


def load_planes(data: Path, part: str, seed: int = 0) -> list[Plane]:
    """Load the planes of one part of the frozen split; to train, also drawn ones."""
    splits = json.loads(SPLITS_FILE.read_text())
    planes: list[Plane] = []
    for set_name, parts in splits.items():
        is_volume = ":" in (parts["train"] or [""])[0]
        load = _load_slices if is_volume else _load_stills
        planes += load(data, set_name, parts[part])
    if part == "train":
        # Here, because it makes planes by what is above.
        from .synthetic import make_synthetic_planes

        planes += _load_weak_timelapse(data)
        planes += make_synthetic_planes(N_SYNTHETIC_PLANES, seed)
    return [plane for plane in planes if plane.labels.any()]


def sampling_weights(planes: list[Plane]) -> np.ndarray:
    """Probability of each plane: by set, more for many objects and for rare kinds.

    The more objects a plane has, the more different crops. Synthetic planes are of as
    many kinds as there are, in equal numbers, anyway.
    """
    weights = np.zeros(len(planes))
    for set_name, weight in SET_WEIGHTS.items():
        of_set = [i for i, p in enumerate(planes) if p.set_name == set_name]
        if not of_set:
            continue
        own = np.ones(len(of_set))
        if set_name != "synthetic":
            counts = np.array([planes[i].n_objects for i in of_set])
            rare = np.array([planes[i].is_rare for i in of_set])
            own = counts**CROWD_EXPONENT * np.where(rare, RARE_FACTOR, 1.0)
        weights[of_set] = weight * own / own.sum()
    shares: np.ndarray = weights / weights.sum()
    return shares
