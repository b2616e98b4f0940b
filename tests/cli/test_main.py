"""The commands, with a model of random weights or a stand-in that works."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import imagecodecs
import numpy as np
import pandas as pd
import pytest
import tifffile

from bright_sam import bright_predictor
from napari_segment_anything import __version__
from napari_segment_anything.cli.main import main
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore


@pytest.fixture
def bright(monkeypatch):
    """Every model is the stand-in that segments what is bright."""
    monkeypatch.setattr(
        "napari_segment_anything.models.load.load_model",
        lambda name, device=None: bright_predictor(),
    )


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    "command", ["demo", "embed", "segment", "track", "correct", "models"]
)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_demo_writes_labels_table_overlay_and_an_honest_summary(
    cache, bright, movie, tmp_path, capsys
):
    code = main(["demo", str(movie), "--output", "out", "--json", "figures.json"])
    assert code == 0
    out = tmp_path / "out"
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures == json.loads((out / "summary.json").read_text())
    assert (figures["n_frames"], figures["n_objects"]) == (4, 8)
    assert (figures["n_tracks"], figures["n_divisions"]) == (2, 0)
    assert {"encoding", "decoding", "linking"} <= figures["seconds"].keys()
    table = pd.read_csv(out / "tracks.csv")
    assert len(table) == 8
    labels = LabelStore.open(out / "result.ome.zarr")
    for row in table.itertuples():
        plane = labels.read_plane((row.t,))
        assert plane[round(row.y), round(row.x)] == row.track_id
        assert np.count_nonzero(plane == row.track_id) == row.area
    picture = imagecodecs.png_decode((out / "overlay.png").read_bytes())
    assert picture.ndim == 3
    printed = capsys.readouterr().out
    for words in ("4 frames", "8 objects", "2 tracks", "0 divisions"):
        assert re.search(rf"^ *{words}$", printed, re.MULTILINE)
    for activity in ("encoding", "decoding", "linking"):
        assert re.search(rf"\d\.\d seconds {activity}$", printed, re.MULTILINE)


def test_demo_needs_no_input(cache, bright, tmp_path):
    assert main(["demo"]) == 0
    (folder,) = (tmp_path / "demo-output").iterdir()
    assert folder.name == "simulated-bright"
    figures = json.loads((folder / "summary.json").read_text())
    assert figures["n_frames"] == 12


def test_demo_of_a_single_image_is_a_segmentation(cache, bright, tmp_path):
    image = np.zeros((40, 40), np.uint8)
    image[10:20, 10:20] = 200
    np.save(tmp_path / "image.npy", image)
    assert main(["demo", "image.npy", "--output", "out"]) == 0
    figures = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (figures["n_planes"], figures["n_objects"]) == (1, 1)
    assert not (tmp_path / "out" / "tracks.csv").exists()


def test_embed_then_segment_encodes_nothing(cache, weights, movie, tmp_path):
    model = ["--model", str(weights), "--store", "store"]
    assert main(["embed", str(movie), *model, "--json", "a.json"]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["n_encoded"] == 4
    # Planes, and the windows of them that everything mode looks at.
    assert len(list(ZarrEmbeddingStore(tmp_path / "store").keys())) >= 4
    assert main(["embed", str(movie), *model, "--json", "b.json"]) == 0
    assert json.loads((tmp_path / "b.json").read_text())["n_encoded"] == 0
    code = main(["segment", str(movie), "out.zarr", *model, "--json", "c.json"])
    assert code == 0
    seconds = json.loads((tmp_path / "c.json").read_text())["seconds"]
    assert "encoding" not in seconds


def test_two_colons_in_a_path_are_no_chain_of_addresses(cache, bright, movie, tmp_path):
    here = tmp_path / "plate::1"
    here.mkdir()
    image, store = movie.rename(here / "well::2.tif"), here / "st::ore"
    out = here / "found::3.zarr"
    assert main(["embed", str(image), "--store", str(store)]) == 0
    words = ["segment", str(image), str(out), "--store", str(store), "--json"]
    assert (
        main([*words, str(here / "a::1.json"), "--table", str(here / "a::b.csv")]) == 0
    )
    assert main([*words, str(here / "a::1.json"), "--overwrite"]) == 0
    assert json.loads((here / "a::1.json").read_text())["n_objects"] == 8
    # Into the image, and from there.
    named = out / "labels" / "by::name"
    tracked = ["track", str(out), str(named), "--geff", str(here / "a::geff")]
    assert main(tracked) == 0
    assert main(["correct", str(out), str(named), "--ctc", str(here / "a::RES")]) == 0
    assert main(["demo", str(image), "--output", str(here / "de::mo")]) == 0
    assert len(np.unique(LabelStore.open(named).read_plane((0,)))) == 3


def test_planes_across_slices_are_segmented(cache, bright, tmp_path):
    volume = np.full((40, 3, 48), 100, np.uint16)
    volume[8:20, :, 4:18] = volume[25:37, 1, 30:44] = 3000
    np.save("volume.npy", volume)
    axes = ["--axes", "ZYX", "--plane-axes", "ZX"]
    code = main(["segment", "volume.npy", "out.zarr", *axes, "--json", "a.json"])
    assert code == 0
    figures = json.loads((tmp_path / "a.json").read_text())
    assert (figures["n_planes"], figures["n_objects"]) == (3, 4)
    labels = np.asarray(LabelStore.open(tmp_path / "out.zarr").labels)
    assert (labels[14, :, 10] > 0).all()
    assert (labels[31, :, 37] > 0).tolist() == [False, True, False]
    assert main(["embed", "volume.npy", *axes, "--z", "10:30", "--dry-run"]) == 0


def test_planes_of_thick_slices_are_stretched_for_embed_and_segment_alike(
    cache, bright, tmp_path, capsys
):
    volume = np.full((10, 2, 48), 100, np.uint16)
    volume[2:7, :, 4:24] = 3000
    spacing = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(
        "thick.tif", volume, imagej=True, resolution=(2.0, 2.0), metadata=spacing
    )
    words = ["--plane-axes", "ZX", "--store", "store"]
    assert main(["embed", "thick.tif", *words]) == 0
    assert "about 4 times as high as wide" in capsys.readouterr().err
    code = main(["segment", "thick.tif", "out.zarr", *words, "--json", "a.json"])
    assert code == 0
    assert "encoding" not in json.loads((tmp_path / "a.json").read_text())["seconds"]
    labels = np.asarray(LabelStore.open(tmp_path / "out.zarr").labels)
    assert labels.shape == volume.shape
    assert ((labels > 0) & (volume > 100)).sum() / (volume > 100).sum() > 0.75
    assert main(["segment", "thick.tif", "b.zarr", *words, "--dry-run"]) == 0


def test_track_writes_a_table_beside_the_labels(cache, bright, movie, tmp_path):
    assert main(["track", str(movie), "out.zarr", "--json", "a.json"]) == 0
    figures = json.loads((tmp_path / "a.json").read_text())
    assert figures["along"] == "T"
    assert len(pd.read_csv(tmp_path / "out.csv")) == figures["n_objects"] == 8


def test_the_same_command_again_finds_all_frames_known(cache, bright, movie, tmp_path):
    arguments = ["track", str(movie), "out.zarr", "--json", "a.json"]
    assert main(arguments) == 0
    table = (tmp_path / "out.csv").read_bytes()
    assert main(arguments) == 0
    assert json.loads((tmp_path / "a.json").read_text())["n_resumed"] == 4
    assert (tmp_path / "out.csv").read_bytes() == table


def test_models_list_names_each_model_and_its_licence(cache, capsys):
    assert main(["models", "list", "--json", "models.json"]) == 0
    printed = capsys.readouterr().out.splitlines()
    rows = json.loads((cache.parent / "models.json").read_text())["models"]
    assert [line.split()[0] for line in printed] == [row["name"] for row in rows]
    assert all(row["licence"] in line for row, line in zip(rows, printed, strict=True))


def test_models_path(cache, capsys):
    assert main(["models", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(cache.parent / "models")
    assert main(["models", "path", "vit_t"]) == 0
    assert capsys.readouterr().out.strip().endswith("vit_t.pt")
    assert main(["models", "path", "vit_x"]) == 2


def test_models_fetch_of_the_bundled_model_only_says_where_it_is(cache, capsys):
    assert main(["models", "fetch", "nano"]) == 0
    assert "nano.safetensors" in capsys.readouterr().out


def test_an_interrupted_command_exits_with_130(cache, bright, movie, monkeypatch):
    def interrupt(self, progress):
        if progress.done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(
        "napari_segment_anything.cli.progress_bar.ProgressBar.__call__", interrupt
    )
    assert main(["track", str(movie), "out.zarr"]) == 130


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_ctrl_c_leaves_valid_files_and_the_command_goes_on(
    cache, weights, tmp_path, monkeypatch
):
    """A process of its own, interrupted in the middle, then run to its end."""
    np.save(
        tmp_path / "movie.npy",
        np.random.default_rng(0).integers(0, 999, (12, 16, 128)).astype(np.uint16),
    )
    options = ["--axes", "TYX", "--model", str(weights), "--json", "a.json"]
    arguments = ["track", "movie.npy", "out.zarr", *options]
    command = [sys.executable, "-m", "napari_segment_anything.cli.main", *arguments]
    # Many threads on a busy machine are slower than one.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # A test run in the background of a shell ignores Ctrl-C, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    folder = tmp_path / "out.candidates"

    def n_written():
        # Files that are being written have a name with a dot, and may never be whole.
        return sum(not path.name.startswith(".") for path in folder.glob("*.npz"))

    deadline = time.monotonic() + 120
    while n_written() < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert b"the same command continues" in said
    n_done = n_written()
    assert 3 <= n_done < 12
    LabelStore.open(tmp_path / "out.zarr").read_plane((0,))
    assert main(arguments) == 0
    assert json.loads((tmp_path / "a.json").read_text())["n_resumed"] == n_done
    assert main(["track", "movie.npy", "fresh.zarr", *options, "--store", "new"]) == 0
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "fresh.csv").read_bytes()
    again, once = (LabelStore.open(tmp_path / n) for n in ("out.zarr", "fresh.zarr"))
    np.testing.assert_array_equal(np.asarray(again.labels), np.asarray(once.labels))


@pytest.mark.gui
@pytest.mark.parametrize(
    ("command", "target", "names"),
    [
        ("demo", ["--output", "out"], ["Image", "Labels", "Tracks"]),
        ("track", ["out.zarr"], ["Image", "Labels", "Tracks"]),
        ("segment", ["out.zarr"], ["Image", "Labels"]),
    ],
)
def test_show_opens_what_a_command_has_found(
    cache, bright, movie, monkeypatch, command, target, names
):
    napari = pytest.importorskip("napari")
    viewers = []

    def viewer(**options):
        viewers.append(napari.components.ViewerModel(**options))
        return viewers[-1]

    monkeypatch.setattr(napari, "Viewer", viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    arguments = [command, str(movie), *target, "--axes", "TYX", "--show"]
    assert main(arguments) == 0
    image, labels, *tracks = viewers[0].layers
    assert [layer.name for layer in (image, labels, *tracks)] == names
    assert image.data.shape == labels.data.shape == (4, 48, 64)
    assert sorted(np.unique(np.asarray(labels.data[0]))) == [0, 1, 2]
    assert all(set(np.unique(layer.data[:, 0])) == {1, 2} for layer in tracks)
