"""Whatever is wrong with the input: exit code 2 and one sentence, nothing damaged."""

import errno
import os
import shutil
import sys

import numpy as np
import pytest
import tifffile
import torch
import zarr

from napari_segment_anything.cli.main import main
from napari_segment_anything.storage import label_store


def picture(array):
    def write(folder):
        path = folder / "input.npy"
        np.save(path, array, allow_pickle=True)
        return [str(path)]

    return write


def truncated_tiff(folder):
    path = folder / "input.tif"
    tifffile.imwrite(path, np.ones((3, 64, 64), np.uint16), imagej=True)
    path.write_bytes(path.read_bytes()[:9000])
    return [str(path), "--axes", "TYX"]


def empty_file(folder):
    path = folder / "input.tif"
    path.touch()
    return [str(path)]


def empty_folder(folder):
    (folder / "frames").mkdir()
    return [str(folder / "frames")]


def no_image(folder):
    path = folder / "input.tif"
    path.write_text("not a picture")
    return [str(path)]


def zarr_without_frames(folder):
    zarr.create_array(str(folder / "in.zarr"), shape=(0, 8, 8), dtype="u2")
    return [str(folder / "in.zarr"), "--axes", "TYX"]


def wrong_axes(axes):
    def write(folder):
        return [*picture(np.ones((2, 8, 8)))(folder), "--axes", axes]

    return write


INPUTS = {
    "missing": lambda folder: [str(folder / "nowhere.tif")],
    "empty_file": empty_file,
    "empty_folder": empty_folder,
    "no_image": no_image,
    "truncated": truncated_tiff,
    "object_dtype": picture(np.array([[1, None], ["a", 2]], object)),
    "complex_dtype": picture(np.ones((8, 8), complex)),
    "no_pixels": picture(np.zeros((0, 5))),
    "no_frames": zarr_without_frames,
    "ambiguous_axes": picture(np.ones((5, 6, 7, 8))),
    "too_few_axes": wrong_axes("YX"),
    "no_plane": wrong_axes("TZX"),
    "unknown_axes": wrong_axes("QYX"),
    "no_such_channel": lambda f: [*picture(np.ones((8, 8)))(f), "--channel", "3"],
}


def truncated_weights(folder, weights):
    path = folder / "weights.pt"
    path.write_bytes(weights.read_bytes()[:4000])
    return str(path)


def foreign_weights(folder, weights):
    path = folder / "weights.pt"
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    return str(path)


MODELS = {
    "truncated": truncated_weights,
    "another_architecture": foreign_weights,
    "unknown": lambda folder, weights: "vit_z",
    "not_fetched": lambda folder, weights: "vit_b",
}


def refused(capsys, arguments):
    """Run a command that must be refused, and return its sentence."""
    assert main(arguments) == 2
    written = capsys.readouterr()
    last = written.err.strip().splitlines()[-1]
    assert last.startswith("napari-segment-anything: ")
    assert last.endswith(".")
    assert "Traceback" not in written.err
    assert written.out == ""
    return last


@pytest.mark.parametrize("command", ["segment", "track", "demo", "embed"])
@pytest.mark.parametrize("case", INPUTS)
def test_an_input_that_cannot_be_used(tmp_path, cache, weights, capsys, case, command):
    output = {
        "demo": ["--output", "out"],
        "embed": ["--store", "out"],
    }.get(command, ["out.zarr"])
    given = INPUTS[case](tmp_path)
    where = [given[0], *output] if command in ("segment", "track") else given[:1]
    rest = given[1:] if command in ("segment", "track") else [*given[1:], *output]
    refused(capsys, [command, *where, *rest, "--model", str(weights)])


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_cannot_be_used(tmp_path, cache, weights, movie, capsys, case):
    model = MODELS[case](tmp_path, weights)
    refused(capsys, ["segment", str(movie), "out.zarr", "--model", model])
    assert not (tmp_path / "out.zarr").exists()


@pytest.mark.parametrize("device", ["tpu0", "quantum"])
def test_a_device_that_is_not_there(cache, movie, weights, capsys, device):
    arguments = ["segment", str(movie), "out.zarr", "--model", str(weights)]
    refused(capsys, [*arguments, "--device", device])


def test_an_output_of_something_else(cache, movie, weights, capsys, tmp_path):
    (tmp_path / "out.zarr").mkdir()
    (tmp_path / "out.zarr" / "notes.txt").write_text("mine")
    arguments = ["segment", str(movie), "out.zarr", "--model", str(weights)]
    refused(capsys, arguments)
    refused(capsys, [*arguments, "--overwrite"])
    assert (tmp_path / "out.zarr" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("command", ["segment", "track"])
def test_a_full_disk_leaves_what_is_done_and_the_rest_follows(
    cache, movie, weights, capsys, tmp_path, monkeypatch, command
):
    arguments = [command, str(movie), "out.zarr", "--model", str(weights)]
    write = label_store.LabelStore.write_plane
    n_written = 0

    def fill_up(self, index, labels):
        nonlocal n_written
        if n_written == 2:
            with label_store.storage_errors(self.path):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n_written += 1
        write(self, index, labels)

    monkeypatch.setattr(label_store.LabelStore, "write_plane", fill_up)
    sentence = refused(capsys, arguments)
    assert "full" in sentence
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    store = label_store.LabelStore.open("out.zarr")
    assert [store.done((t,)) for t in range(4)] == [True, True, False, False]
    assert main(arguments) == 0
    assert all(store.done((t,)) for t in range(4))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a display")
def test_show_without_a_display(cache, weights, capsys, monkeypatch):
    pytest.importorskip("napari")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    sentence = refused(capsys, ["demo", "--show", "--model", str(weights)])
    assert "display" in sentence


def test_show_without_napari(cache, weights, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    sentence = refused(capsys, ["demo", "--show", "--model", str(weights)])
    assert "[all]" in sentence


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such permissions here")
def test_a_folder_that_may_not_be_written(cache, movie, weights, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    arguments = ["segment", str(movie), "file/out.zarr", "--model", str(weights)]
    refused(capsys, arguments)


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["segment"], ["segment", "a", "b", "--channel", "x"]]
)
def test_a_command_line_that_makes_no_sense(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


ODD_IMAGES = {
    "constant": np.full((2, 32, 32), 7, np.uint16),
    "nan": np.full((2, 32, 32), np.nan, np.float32),
    "partly_nan": np.where(np.eye(32) > 0, np.nan, np.ones((2, 32, 32))),
    "one_pixel": np.ones((2, 1, 1), np.uint8),
    "one_frame": np.ones((1, 32, 32), np.uint8),
    "infinite": np.full((2, 32, 32), np.inf),
    "bool": np.stack([np.eye(32, dtype=bool)] * 2),
    "one_row": np.arange(200, dtype=np.uint16).reshape(2, 1, 100),
}


@pytest.mark.parametrize("case", ODD_IMAGES)
def test_odd_images_are_results_not_errors(tmp_path, cache, weights, case):
    path = tmp_path / "input.npy"
    np.save(path, ODD_IMAGES[case])
    arguments = ["demo", str(path), "--axes", "TYX", "--output", "out"]
    assert main([*arguments, "--model", str(weights)]) == 0
    assert (tmp_path / "out" / "overlay.png").stat().st_size > 0
    shutil.rmtree(tmp_path / "out")
