import numpy as np

from napari_segment_anything.batch.tracks_table import mean_intensities, tracks_table
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.repair_settings import Repair
from napari_segment_anything.tracking.track import Track


def plane(*boxes):
    labels = np.zeros((20, 20), np.int32)
    for number, (y0, x0, y1, x1) in enumerate(boxes, start=1):
        labels[y0:y1, x0:x1] = number
    return MaskSet.from_labels(labels)


def test_a_division_as_rows():
    frames = [plane((4, 4, 7, 9)), plane((0, 0, 3, 3), (10, 10, 13, 11))]
    lineage = Lineage(
        (
            Track(1, 0, 0, 0, (0,), (0,)),
            Track(2, 1, 1, 1, (1,), (0,)),
            Track(3, 1, 1, 1, (1,), (1,)),
        )
    )
    table = tracks_table(
        frames,
        lineage,
        axis="T",
        position={"Z": 5},
        repairs={(1, 1): Repair("filled", True, 0.5)},
    )
    assert list(table.columns[:5]) == ["track_id", "z", "t", "y", "x"]
    rows = table[["track_id", "z", "t", "y", "x", "area", "parent_id", "is_repaired"]]
    assert rows.to_numpy().tolist() == [
        [1, 5, 0, 5.0, 6.0, 15, 0, False],
        [2, 5, 1, 1.0, 1.0, 9, 1, False],
        [3, 5, 1, 11.0, 10.0, 3, 1, True],
    ]


def test_no_tracks_is_a_table_with_the_same_columns():
    empty = tracks_table([plane()], Lineage(()), axis="T", position={})
    assert len(empty) == 0
    assert list(empty.columns) == [
        "track_id",
        "t",
        "y",
        "x",
        "area",
        "predicted_iou",
        "stability_score",
        "parent_id",
        "is_repaired",
        "repair",
        "confidence",
    ]


def test_planes_across_slices_have_centroids_along_their_axes():
    lineage = Lineage((Track(1, 0, 0, 0, (0,), (0,)),))
    table = tracks_table(
        [plane((4, 4, 7, 9))],
        lineage,
        axis="T",
        position={"Y": 8},
        plane_axes=("Z", "X"),
    )
    assert list(table.columns[:5]) == ["track_id", "y", "t", "z", "x"]
    assert table[["y", "t", "z", "x"]].to_numpy().tolist() == [[8, 0, 5.0, 6.0]]


def test_places_in_units_count_from_the_origin():
    lineage = Lineage((Track(1, 0, 1, 0, (0, 1), (0, 0)),))
    table = tracks_table(
        [plane((4, 4, 7, 9)), plane((4, 4, 7, 9))],
        lineage,
        axis="T",
        position={"Z": 2},
        scale={"T": 5.0, "Z": 2.0, "Y": 0.5, "X": 0.25},
        units={"T": "minute", "Z": "micrometer", "Y": "µm", "X": "micrometer"},
        translate={"T": 10.0, "Z": 100.0, "Y": -1.0},
    )
    assert table["t"].tolist() == [0, 1]
    assert table["t_min"].tolist() == [10, 15]
    assert table["z_um"].tolist() == [104] * 2
    assert table["y_um"].tolist() == [1.5] * 2
    assert table["x_um"].tolist() == [1.5] * 2


def test_intensity_is_of_the_finite_pixels():
    masks = plane((4, 4, 7, 9), (10, 10, 13, 11))
    pixels = np.full((20, 20, 3), 7.0)
    pixels[5, 5, 0], pixels[6, 6] = np.nan, -np.inf
    pixels[10:13] = np.nan
    np.testing.assert_array_equal(mean_intensities(masks, pixels), [7, np.nan])
    np.testing.assert_array_equal(mean_intensities(masks, pixels[..., 0]), [7, np.nan])
