from pathlib import Path

import pytest

from napari_segment_anything.cli.table_place import lineage_beside, table_beside


@pytest.mark.parametrize(
    ("output", "table"),
    [
        ("a/movie.zarr", "a/movie.csv"),
        ("a/image.zarr/labels/cells", "a/image-cells.csv"),
        # A folder that happens to be called so belongs to no image.
        ("a/labels/movie.zarr", "a/labels/movie.csv"),
        ("labels/movie.zarr", "labels/movie.csv"),
    ],
)
def test_the_table_lies_beside_the_output(output, table):
    assert table_beside(Path(output)) == Path(table)


@pytest.mark.parametrize(
    ("tracks", "table"),
    [
        ("movie.zarr", "movie.csv"),
        ("movie.zarr/", "movie.csv"),
        ("movie.zarr/labels/masks", "movie.csv"),
        ("movie.zarr/labels/cells", "movie-cells.csv"),
        ("movie.zarr/labels/more", None),
        ("labels.tif", "labels.csv"),
        ("other.tif", None),
        ("objects.tif", None),
        ("https://host/movie.zarr", None),
        (".", None),
    ],
)
def test_the_lineage_of_label_images_is_found(tmp_path, monkeypatch, tracks, table):
    monkeypatch.chdir(tmp_path)
    for name in ("movie", "movie-cells", "labels"):
        Path(f"{name}.csv").write_text("t,track_id,parent_id\n")
    Path("objects.csv").write_text("t,label,area\n")
    assert lineage_beside(tracks) == (table and Path(table))
