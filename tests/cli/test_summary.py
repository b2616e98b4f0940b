import numpy as np
import pytest

from napari_segment_anything.cli.reading import reading_of
from napari_segment_anything.cli.summary import report
from napari_segment_anything.stacks.stack import Stack


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, ["0 planes", "0 divisions", "0 planes found in an earlier run"]),
        (1, ["1 plane\n", "1 division\n", "1 plane found in an earlier run"]),
        (2, ["2 planes", "2 divisions", "2 planes found in an earlier run"]),
    ],
)
def test_one_is_not_said_as_several(capsys, count, words):
    report(
        {
            "reading": reading_of(Stack(np.zeros((2, 8, 8)), "TYX")),
            "model": "nano",
            "device": "cpu",
            "n_planes": count,
            "n_divisions": count,
            "n_resumed": count,
            "seconds": {},
        },
        None,
    )
    said = capsys.readouterr().out
    assert all(f" {word}" in said for word in words)
