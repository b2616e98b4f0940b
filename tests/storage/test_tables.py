import pandas as pd
import pytest

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.tables import columns_of, write_tracks_table

ROWS = [{"track": 1, "frame": 0, "y": 2.5}, {"track": 1, "frame": 1, "y": 3.0}]
TEXT = "track,frame,y\n1,0,2.5\n1,1,3.0\n"


@pytest.mark.parametrize("rows", [ROWS, pd.DataFrame(ROWS)])
def test_rows_and_frames_make_the_same_file(tmp_path, rows):
    write_tracks_table(tmp_path / "tracks.csv", rows)
    assert (tmp_path / "tracks.csv").read_text() == TEXT


def test_no_rows_still_have_a_header(tmp_path):
    write_tracks_table(tmp_path / "tracks.csv", [], columns=["track", "frame"])
    assert (tmp_path / "tracks.csv").read_text() == "track,frame\n"


def test_columns_are_chosen_and_ordered(tmp_path):
    path = tmp_path / "tracks.csv"
    write_tracks_table(path, pd.DataFrame(ROWS), columns=["y", "track"])
    assert path.read_text().splitlines()[0] == "y,track"


def test_rows_that_do_not_fit_leave_the_old_file(tmp_path):
    path = tmp_path / "tracks.csv"
    write_tracks_table(path, ROWS)
    with pytest.raises(ValueError, match="fields not in fieldnames"):
        write_tracks_table(path, [*ROWS, {"other": 1}])
    assert path.read_text() == TEXT


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"):
        write_tracks_table(tmp_path / "file" / "tracks.csv", ROWS)


def test_columns_of_whatever_lies_there(tmp_path):
    write_tracks_table(tmp_path / "a.csv", [{"track_id": 1, "t": 0}])
    assert columns_of(tmp_path / "a.csv") == {"track_id", "t"}
    (tmp_path / "b.csv").write_bytes(bytes(range(256)))
    (tmp_path / "c.csv").touch()
    for name in ("b.csv", "c.csv", "missing.csv", "."):
        assert "track_id" not in columns_of(tmp_path / name)
