import errno
import os
from pathlib import Path

import pytest

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.atomic import (
    atomic_path,
    remove_tree,
    replaced,
    storage_errors,
)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_target_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "new" / "table.csv"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.suffix == ".csv"
    assert target.read_text() == "whole"
    assert names_in(target.parent) == ["table.csv"]


def test_the_old_target_survives_a_failure(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")

    def write_half():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["table.csv"]


def test_a_folder_can_be_a_target(tmp_path):
    with atomic_path(tmp_path / "store") as temporary:
        temporary.mkdir()
        (temporary / "file").touch()
    assert (tmp_path / "store" / "file").exists()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EACCES, "may not be written"),
        (errno.EROFS, "may not be written"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_errors_of_the_system_become_sentences(number, sentence):
    with (
        pytest.raises(StorageError, match=f"{sentence}") as caught,
        storage_errors("out.zarr"),
    ):
        raise OSError(number, os.strerror(number))
    assert "out.zarr" in str(caught.value)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    # /dev/full refuses every byte, as a full disk does.
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    target = tmp_path / "table.csv"
    target.write_text("old")

    def write_more():
        with atomic_path(target) as path:
            path.symlink_to(full)
            path.write_text("new")

    with pytest.raises(StorageError, match="disk is full"):
        write_more()
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["table.csv"]


def test_a_file_in_place_of_the_parent_is_said(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match="file"),
        atomic_path(tmp_path / "file" / "table.csv") as path,
    ):
        path.touch()


def test_removing_what_is_not_there_is_no_error(tmp_path):
    remove_tree(tmp_path / "nothing")


def folder_at(path, text):
    path.mkdir()
    (path / "file").write_text(text)


def test_something_new_takes_the_place_of_a_folder(tmp_path):
    target = tmp_path / "a.zarr"
    folder_at(target, "old")
    with replaced(target):
        folder_at(target, "new")
    assert (target / "file").read_text() == "new"
    assert names_in(tmp_path) == ["a.zarr"]
    with replaced(tmp_path / "nothing"):
        assert names_in(tmp_path) == ["a.zarr"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_without_something_new_the_old_stays(tmp_path, error):
    target = tmp_path / "a.zarr"
    folder_at(target, "old")
    with pytest.raises(error), replaced(target):
        raise error
    assert (target / "file").read_text() == "old"
    assert names_in(tmp_path) == ["a.zarr"]


def test_an_interrupted_removal_leaves_nothing_half_removed(tmp_path, monkeypatch):
    target = tmp_path / "a.zarr"
    folder_at(target, "old")

    def interrupt(path, **options):
        (path / "file").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt), replaced(target):
            folder_at(target, "new")
    assert (target / "file").read_text() == "new"
    # What is left over goes with the next replacement.
    assert len(names_in(tmp_path)) == 2
    with replaced(target):
        folder_at(target, "newer")
    assert names_in(tmp_path) == ["a.zarr"]
