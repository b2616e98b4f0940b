import pytest

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.label_work import open_or_create_labels


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_same_work_goes_on_and_other_work_is_refused(tmp_path):
    work = {"axes": "TYX", "shape": (3, 4, 5), "attributes": {"range": (0, 1.5)}}
    open_or_create_labels(tmp_path / "a.zarr", **work).mark_done((2,))
    assert open_or_create_labels(tmp_path / "a.zarr", **work).done((2,))
    for change in ({"attributes": {"range": (0, 2)}}, {"shape": (4, 4, 5)}):
        # Those who call it from Python have no option to give.
        said = r"another image, model or setting.*overwrite=True \(--overwrite\)"
        with pytest.raises(StorageError, match=said):
            open_or_create_labels(tmp_path / "a.zarr", **{**work, **change})


def test_a_process_that_was_faster_is_joined(tmp_path, monkeypatch):
    work = {"axes": "TYX", "shape": (3, 4, 5)}
    create = LabelStore.create

    def create_too_late(*arguments, **options):
        create(*arguments, **options).mark_done((1,))
        return create(*arguments, **options)

    monkeypatch.setattr(LabelStore, "create", create_too_late)
    store = open_or_create_labels(tmp_path / "a.zarr", **work)
    assert store.done((1,))
    assert names_in(tmp_path) == ["a.zarr"]


def test_folders_without_our_labels_are_left_alone(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(StorageError, match="masks"):
        open_or_create_labels(tmp_path, axes="TYX", shape=(3, 4, 5))
    with pytest.raises(StorageError, match="no labels"):
        LabelStore.open(tmp_path)
    assert names_in(tmp_path) == ["mine"]
