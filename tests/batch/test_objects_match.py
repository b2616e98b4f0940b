"""A table is told from that of another result."""

import numpy as np
import pytest

from bright_sam import bright_predictor
from dividing_movie import dividing_movie, stack_of
from napari_segment_anything.batch.objects_match import is_table_of
from napari_segment_anything.batch.objects_table import objects_table
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.stacks.stack import Stack


def made(data, axes, path):
    """Segment a stack, and return the labels and their table."""
    sizes = {"T": 30.0, "Y": 0.5, "X": 0.5}
    units = {"T": "s", "Y": "µm", "X": "µm"}
    stack = Stack(data, axes, scale=sizes, units=units)
    result = run(segment_stack(stack, bright_predictor(), output=path / "a.zarr"))
    table = run(objects_table(stack, result))
    table.to_csv(path / "a.csv", index=False)
    return result.labels, table


@pytest.mark.parametrize("axes", ["TYX", "ZTYX", "YX"])
def test_a_table_is_that_of_its_labels_alone(tmp_path, axes):
    movie = stack_of(dividing_movie())
    data = {"TYX": movie.data, "ZTYX": movie.data[None], "YX": movie.data[4]}[axes]
    labels, table = made(data, axes, tmp_path)
    path = tmp_path / "a.csv"
    assert len(table) >= 2
    assert is_table_of(path, labels)
    changed = table.copy()
    changed.loc[len(table) - 1, "area"] += 1
    for other in (
        changed,
        table.iloc[:-1],
        table.assign(label=table["label"] + 1),
        table.drop(columns="area"),
        table.assign(area=None),
        table.iloc[:0],
        table.assign(drug="none"),
    ):
        other.to_csv(path, index=False)
        assert not is_table_of(path, labels)
    path.write_text("")
    assert not is_table_of(path, labels)
    assert not is_table_of(tmp_path / "missing.csv", labels)


def test_a_table_of_more_planes_is_not_that_of_fewer(tmp_path):
    labels, table = made(stack_of(dividing_movie()).data[:3], "TYX", tmp_path)
    table.assign(t=table["t"] + 1).to_csv(tmp_path / "a.csv", index=False)
    assert not is_table_of(tmp_path / "a.csv", labels)


def test_planes_that_have_objects_are_looked_at_among_many(tmp_path):
    frames = np.zeros((200, 48, 48), np.uint8)
    frames[101, 10:20, 10:20] = 200
    labels, table = made(frames, "TYX", tmp_path)
    assert table["t"].tolist() == [101]
    assert is_table_of(tmp_path / "a.csv", labels)
    table.assign(area=99).to_csv(tmp_path / "a.csv", index=False)
    assert not is_table_of(tmp_path / "a.csv", labels)


def test_large_and_negative_numbers_of_others_are_compared_too(tmp_path):
    labels, table = made(stack_of(dividing_movie()).data[:1], "TYX", tmp_path)
    plane = labels.read_plane((0,))
    renamed = np.where(plane > 0, plane + 2_000_000_000, 0)
    labels.write_plane((0,), renamed)
    assert not is_table_of(tmp_path / "a.csv", labels)
    table.assign(label=table["label"] + 2_000_000_000).to_csv(
        tmp_path / "a.csv", index=False
    )
    assert is_table_of(tmp_path / "a.csv", labels)
    labels.write_plane((0,), -plane)
    assert not is_table_of(tmp_path / "a.csv", labels)
