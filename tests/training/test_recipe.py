"""A short run of the recipe of the bundled model, on simulated cells."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training.crops import cut_crop
from training.export import export
from training.planes import make_plane
from training.targets import make_targets
from training.train import Run, TrainingSettings, train_step

from napari_segment_anything.models.load import load_model
from napari_segment_anything.stacks.simulated import simulate_cells


@pytest.fixture(scope="module")
def planes():
    movie = simulate_cells(n_frames=2, shape=(256, 256), seed=1)
    return [
        make_plane("simulated", str(t), movie.images[t], movie.labels[t])
        for t in range(2)
    ]


def test_crop_shows_what_its_labels_say(planes):
    plane = planes[0]
    bright = plane.image.mean(-1)[plane.labels > 0].mean()
    dark = plane.image.mean(-1)[plane.labels == 0].mean()
    generator = np.random.default_rng(0)
    for _ in range(5):
        crop = cut_crop(plane, generator, augment=False)
        low_res = crop.image.mean(0).reshape(128, 2, 128, 2).mean((1, 3)).numpy()
        inside = crop.is_inside.numpy()[::2, ::2]
        is_object = crop.labels > 0
        assert low_res[is_object & inside].mean() > 0.5 * (bright + dark)
        assert low_res[~is_object & inside].mean() < 0.5 * (bright + dark)


def test_offsets_point_to_the_centre():
    labels = np.zeros((40, 40), np.int32)
    labels[5:16, 10:31] = 7
    targets = make_targets(labels)
    y, x = 5, 10
    assert (y + targets.offset[0, y, x], x + targets.offset[1, y, x]) == (10, 20)
    assert targets.centre[10, 20] == 1
    assert targets.offset[:, 0, 0].tolist() == [0, 0]


@pytest.mark.slow
def test_loss_falls_and_the_result_loads(planes, tmp_path):
    torch.set_num_threads(2)
    settings = TrainingSettings(
        minutes=60, batch_size=2, dense_batch_size=2, dense_share=0, warmup_steps=5
    )
    run = Run(settings, tmp_path)
    generator = np.random.default_rng(0)
    losses = []
    for _ in range(40):
        row = train_step(run, planes, np.array([0.5, 0.5]), generator)
        run.step += 1
        losses.append(row["dense"])
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])

    run.save()
    again = Run(settings, tmp_path)
    again.resume()
    assert again.step == run.step

    export(run.average, tmp_path / "nano.safetensors", steps=run.step)
    predictor = load_model(tmp_path / "nano.safetensors")
    assert predictor.config.name == "nano"
    weights = tmp_path / "nano.safetensors"
    onwards = Run(replace(settings, start_from=weights), tmp_path / "onwards")
    exported = run.average.state_dict()
    for name, value in onwards.sam.state_dict().items():
        torch.testing.assert_close(value, exported[name], atol=2e-3, rtol=2e-3)
