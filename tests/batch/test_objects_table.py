import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from skimage.measure import regionprops_table

from bright_sam import bright_predictor, work_of
from napari_segment_anything.batch import objects_table as module
from napari_segment_anything.batch.objects_table import objects_table
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import SegmentResult, segment_stack
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.stacks.stack import Stack

SETTINGS = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), object_diameter=40)
SIZES = {"T": 30.0, "Y": 0.5, "X": 0.25}
UNITS = {"T": "second", "Y": "micrometer", "X": "micrometer"}
ORIGIN = {"T": 600.0, "Y": -8.0, "X": 3.0}


def result_of(labels):
    return SegmentResult(
        labels=np.asarray(labels, np.int32),
        n_planes=len(labels),
        n_objects=0,
        n_resumed=0,
        intensity_range=IntensityRange(0, 1),
        seconds={},
    )


@pytest.mark.parametrize("n_rows", [1024, 7])
@pytest.mark.parametrize("is_rgb", [False, True])
def test_it_agrees_with_a_reference_also_band_by_band(
    disks_image, monkeypatch, n_rows, is_rgb
):
    monkeypatch.setattr(module, "_ROWS", n_rows)
    image, labels = disks_image.image, disks_image.labels
    pixels = np.stack([image, image // 2, 0 * image], -1) if is_rgb else image
    stack = Stack(pixels, "YXS" if is_rgb else "YX")
    # One number is missing, as where a person has removed an object.
    labels = np.where(labels == 2, 0, labels)
    table = run(objects_table(stack, result_of(labels)))
    grey = pixels.mean(axis=-1) if is_rgb else image
    wanted = ("label", "centroid", "bbox", "area", "intensity_mean")
    expected = pd.DataFrame(regionprops_table(labels, grey, properties=wanted))
    names = ["label", "y", "x", "y_start", "x_start", "y_stop", "x_stop", "area"]
    np.testing.assert_allclose(
        table[[*names, "mean_intensity"]].to_numpy(), expected.to_numpy()
    )
    assert list(table.columns[: len(names)]) == names
    # Labels from elsewhere have no scores.
    assert table["predicted_iou"].isna().all()


def test_planes_are_numbered_and_sizes_are_physical(disks_image):
    planes = np.stack([disks_image.image] * 3)
    labels = np.stack([disks_image.labels, 0 * disks_image.labels, disks_image.labels])
    stack = Stack(planes, "TYX", scale=SIZES, units=UNITS)
    table = run(objects_table(stack, result_of(labels)))
    assert table["t"].tolist() == [0] * 6 + [2] * 6
    assert table["t_s"].tolist() == [0] * 6 + [60] * 6
    np.testing.assert_allclose(table["area_um2"], table["area"] * 0.125)
    assert table["label"].tolist() == [*range(1, 7)] * 2


def test_places_in_units_are_those_of_the_ome_zarr_beside(disks_image, tmp_path):
    planes = np.stack([disks_image.image] * 4)
    whole = Stack(planes, "TYX", scale=SIZES, units=UNITS, translate=ORIGIN)
    stack = whole.select(T=slice(1, None, 2), Y=slice(2, None))
    output = tmp_path / "a.zarr"
    job = segment_stack(stack, bright_predictor(), settings=SETTINGS, output=output)
    table = run(objects_table(stack, run(job)))
    assert sorted(set(table["t"])) == [0, 1]
    written = open_stack(output)
    for axis, name in (("T", "t_s"), ("Y", "y_um"), ("X", "x_um")):
        numbers = table[axis.lower()]
        place = written.translate[axis] + written.scale[axis] * numbers
        np.testing.assert_allclose(table[name], place)
    # The same objects lie at the same places when all is looked at.
    assert sorted(set(table["t_s"])) == [630, 690]
    centres = np.repeat(np.sort(disks_image.centres[:, 0]), 2)
    np.testing.assert_allclose(np.sort(table["y_um"]), centres * 0.5 - 8, atol=0.5)


def test_an_axis_that_runs_backwards_has_areas_above_zero(disks_image):
    stack = Stack(disks_image.image, "YX", scale=SIZES, units=UNITS)
    flipped = stack.select(Y=slice(None, None, -1))
    straight = run(objects_table(stack, result_of(disks_image.labels)))
    table = run(objects_table(flipped, result_of(disks_image.labels[::-1])))
    np.testing.assert_allclose(table["area_um2"], table["area"] * 0.125)
    np.testing.assert_allclose(table["y_um"], straight["y_um"])


@pytest.mark.parametrize("n_rows", [1024, 7])
@pytest.mark.parametrize("is_rgb", [False, True])
def test_intensity_is_of_the_finite_pixels(disks_image, monkeypatch, n_rows, is_rgb):
    monkeypatch.setattr(module, "_ROWS", n_rows)
    labels = disks_image.labels
    pixels = labels.astype(np.float32)
    pixels = np.stack([pixels] * 3, -1) if is_rgb else pixels
    rows, columns = np.nonzero(labels == 1)
    pixels[rows[0], columns[0]] = np.nan
    pixels[rows[-1], columns[-1]] = np.inf
    pixels[labels == 3] = np.nan
    stack = Stack(pixels, "YXS" if is_rgb else "YX")
    table = run(objects_table(stack, result_of(labels))).set_index("label")
    assert np.isnan(table["mean_intensity"][3])
    others = table.drop(3)
    np.testing.assert_allclose(others["mean_intensity"], others.index)
    # The area is that of the mask, whatever its pixels hold.
    assert table["area"][1] == len(rows)


def test_planes_without_objects_make_a_table_without_rows(disks_image):
    stack = Stack(disks_image.image[None], "TYX", scale=SIZES, units=UNITS)
    table = run(objects_table(stack, result_of([0 * disks_image.labels])))
    assert len(table) == 0
    assert {"t", "label", "y", "x", "area", "area_um2", "t_s"} <= set(table.columns)


def test_planes_across_slices_have_columns_of_their_axes(disks_image):
    stack = Stack(disks_image.image[:, None], "ZYX", plane_axes="ZX")
    table = run(objects_table(stack, result_of([disks_image.labels])))
    assert list(table.columns[:4]) == ["y", "label", "z", "x"]
    np.testing.assert_allclose(table[["z", "x"]], disks_image.centres, atol=0.5)


def test_scores_come_from_the_candidates_and_need_no_model(disks_image, tmp_path):
    predictor = bright_predictor()
    stack = Stack(np.stack([disks_image.image] * 2), "TYX")
    output = tmp_path / "a.zarr"
    job = segment_stack(stack, predictor, settings=SETTINGS, output=output)
    result = run(job)
    before = work_of(predictor)
    seen = []
    table = run(objects_table(stack, result), seen.append)
    assert work_of(predictor) == before
    assert [(p.stage, p.done, p.total) for p in seen] == [
        ("measure", n, 2) for n in range(3)
    ]
    assert len(table) == result.n_objects == 12
    assert table[["predicted_iou", "stability_score"]].notna().all(axis=None)
    shutil.rmtree(tmp_path / "a.candidates")
    table = run(objects_table(stack, result))
    assert work_of(predictor) == before
    assert table["predicted_iou"].isna().all()
