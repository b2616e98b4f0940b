from pathlib import Path

import pytest

from napari_segment_anything.cli.track import _table_beside


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
    assert _table_beside(Path(output)) == Path(table)
