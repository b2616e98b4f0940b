import numpy as np
import pytest

from napari_segment_anything.errors import StorageError, UnreadableInputError
from napari_segment_anything.storage.ctc import (
    CtcWriter,
    check_replaceable,
    is_ctc,
    read_ctc,
    write_ctc,
)

# A cell that divides: 1 in frames 0 and 1, then its daughters 2 and 3.
LABELS = np.zeros((3, 8, 8), np.int32)
LABELS[:2, 2:5, 2:5] = 1
LABELS[2, 2:4, 2:4] = 2
LABELS[2, 5:7, 5:7] = 3
TRACKS = [(1, 0, 1, 0), (2, 2, 2, 1), (3, 2, 2, 1)]


def test_a_result_is_read_back(tmp_path):
    write_ctc(tmp_path / "01_RES", iter(LABELS), TRACKS)
    found = read_ctc(tmp_path / "01_RES")
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.tracks == TRACKS


def test_the_layout_is_that_of_the_challenge(tmp_path):
    write_ctc(tmp_path, LABELS, TRACKS)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["mask000.tif", "mask001.tif", "mask002.tif", "res_track.txt"]
    assert (tmp_path / "res_track.txt").read_text() == "1 0 1 0\n2 2 2 1\n3 2 2 1\n"


def test_a_shorter_result_replaces_a_longer_one(tmp_path):
    write_ctc(tmp_path, LABELS, TRACKS)
    write_ctc(tmp_path, LABELS[:2], TRACKS[:1])
    assert len(read_ctc(tmp_path).labels) == 2
    # One that is not whole is no result.
    writer = CtcWriter(tmp_path)
    writer.write_frame(LABELS[0])
    assert not is_ctc(tmp_path)


def test_ids_beyond_the_format_are_refused(tmp_path):
    with pytest.raises(StorageError, match="65535"):
        write_ctc(tmp_path, [np.full((4, 4), 70_000)], [])
    assert not (tmp_path / "res_track.txt").exists()


def test_a_folder_of_another_kind_is_named(tmp_path):
    with pytest.raises(UnreadableInputError, match="neither"):
        read_ctc(tmp_path)


def test_missing_images_and_bad_lines_are_named(tmp_path):
    (tmp_path / "res_track.txt").write_text("1 0 1 0\n")
    with pytest.raises(UnreadableInputError, match=r"mask000\.tif"):
        read_ctc(tmp_path)
    (tmp_path / "res_track.txt").write_text("1 0 1 0\n2 two 2 1\n")
    with pytest.raises(UnreadableInputError, match="Line 2"):
        read_ctc(tmp_path)


def test_real_ground_truth_is_read(shared_data):
    labels, tracks = read_ctc(shared_data / "ctc_fluo_sim" / "01_GT" / "TRA")
    assert labels.shape == (22, 690, 628)
    assert {track for track, *_ in tracks} == set(np.unique(labels)[1:].tolist())
    for track, begin, end, _ in tracks[:20]:
        seen = np.flatnonzero((labels == track).any(axis=(1, 2)))
        assert (seen[0], seen[-1]) == (begin, end)


def test_only_results_may_be_replaced(tmp_path):
    check_replaceable(tmp_path / "missing")
    check_replaceable(tmp_path)
    write_ctc(tmp_path, LABELS, TRACKS)
    write_ctc(tmp_path / "Z03", LABELS, TRACKS)
    check_replaceable(tmp_path)
    (tmp_path / "Z03" / "notes.txt").touch()
    with pytest.raises(StorageError, match=r"notes\.txt"):
        check_replaceable(tmp_path)


def test_a_data_set_or_ground_truth_is_no_result(tmp_path):
    write_ctc(tmp_path / "01_RES", LABELS, TRACKS)
    with pytest.raises(StorageError, match="01_RES"):
        check_replaceable(tmp_path)
    (tmp_path / "01_RES" / "res_track.txt").rename(tmp_path / "01_RES/man_track.txt")
    with pytest.raises(StorageError, match="man_track"):
        check_replaceable(tmp_path / "01_RES")
