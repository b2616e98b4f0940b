"""A short run of the recipe of the bundled model, on simulated cells."""

from dataclasses import replace
from itertools import cycle, islice

import numpy as np
import pytest
import torch
from training.crops import cut_crop
from training.export import export
from training.interaction import first_prompt, join_prompts
from training.planes import sampling_weights
from training.processor import Processor, bfloat16_gain
from training.prompting import Scene, decode, on_crops, with_rough_masks
from training.run import Run
from training.samples import Batch, Sample, sample_planes
from training.settings import TrainingSettings
from training.step import encode
from training.targets import make_targets
from training.train import train_step

from napari_segment_anything.engine.prompts import INSIDE, Prompts
from napari_segment_anything.models.load import load_model

SHORT = TrainingSettings(
    minutes=60,
    batch_size=2,
    dense_batch_size=2,
    dense_share=0,
    warmup_steps=5,
    precision="float32",
)


def samples_of(planes, seed=0, n_workers=0):
    return sample_planes(planes, sampling_weights(planes), (seed,), n_workers)


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


def test_workers_cut_crops_of_their_own_in_an_order_that_repeats(planes):
    first = list(islice(samples_of(planes, n_workers=2), 4))
    again = list(islice(samples_of(planes, n_workers=2), 4))
    images = [sample.crop.image for sample in first]
    for image, sample in zip(images, again, strict=True):
        assert torch.equal(image, sample.crop.image)
    assert len({float(image.sum()) for image in images}) == len(images)


def test_same_seed_gives_the_same_first_losses(planes, tmp_path):
    # Steps, not time, say how much of the run is over.
    settings = replace(
        SHORT, minutes=np.inf, max_steps=50, batch_size=1, dense_batch_size=1
    )

    def first_losses(seed, n_steps):
        run = Run(replace(settings, seed=seed), tmp_path)
        samples, generator = samples_of(planes, seed), np.random.default_rng(seed)
        rows = []
        for _ in range(n_steps):
            rows.append(train_step(run, samples, generator))
            run.step += 1
        return rows

    losses = first_losses(3, n_steps=2)
    assert first_losses(3, n_steps=2) == losses
    assert first_losses(4, n_steps=1) != losses[:1]


def test_prompts_of_two_crops_are_answered_as_those_of_each(planes, tmp_path):
    cpu = Processor()
    sam = Run(SHORT, tmp_path).average
    batch = Batch.collate(list(islice(samples_of(planes), 2)), cpu)
    n_prompts = [2, 3]
    prompts = [
        first_prompt(
            batch.targets[i],
            np.arange(1, n + 1),
            batch.origins[i],
            np.random.default_rng(i),
            "point",
        )
        for i, n in enumerate(n_prompts)
    ]
    with torch.inference_mode():
        embedding, _ = encode(sam, cpu, batch)

        def answer(crops, prompt):
            scene = Scene(
                embedding[crops],
                [batch.origins[i] for i in crops],
                [n_prompts[i] for i in crops],
            )
            prompt = with_rough_masks(sam, scene, prompt)
            return on_crops(decode(sam, cpu, scene, prompt), scene)

        together = answer([0, 1], join_prompts(prompts))
        apart = [answer([i], prompt) for i, prompt in enumerate(prompts)]
    for both, each in zip(together, zip(*apart, strict=True), strict=True):
        torch.testing.assert_close(both, torch.cat(each), atol=1e-4, rtol=1e-4)


def test_all_that_a_step_needs_is_brought_to_the_device(planes, tmp_path, monkeypatch):
    # A device without memory: it refuses tensors of another one as a GPU does. What
    # would come back from it is made up here.
    def made_up(_, tensor):
        return np.zeros(tensor.shape, bool if tensor.dtype == torch.bool else float)

    monkeypatch.setattr(Processor, "fetch", made_up)
    settings = replace(SHORT, batch_size=4, crops_together=2)
    run = Run(settings, tmp_path, torch.device("meta"))
    samples, generator = cycle(islice(samples_of(planes), 4)), np.random.default_rng(0)
    seen = set()
    while not {"point", "box", "corrected"} <= seen:
        seen |= train_step(run, samples, generator).keys()
    with pytest.raises((RuntimeError, NotImplementedError), match="device"):
        run.sam.normalise(torch.zeros(1, 3, 8, 8))


def test_bfloat16_encoder_gives_nearly_the_same_embedding(
    planes, tmp_path, monkeypatch
):
    monkeypatch.setattr("training.processor.N_TIMED_CROPS", 1)
    monkeypatch.setattr("training.processor.N_REPEATS", 1)
    run = Run(SHORT, tmp_path)
    assert bfloat16_gain(run.sam.image_encoder, torch.device("cpu")) > 0
    fast = Processor(has_fast_bfloat16=True)
    batch = Batch.collate(list(islice(samples_of(planes), 1)), fast)
    with torch.inference_mode():
        expected, _ = encode(run.average, Processor(), batch)
        embedding, _ = encode(run.average, fast, batch)
    assert embedding.dtype == torch.float32
    assert (embedding - expected).std() < 0.05 * expected.std()


def test_gpu_gets_larger_batches_and_workers():
    settings = replace(SHORT, n_processes=2).for_device(torch.device("cuda"))
    assert settings.n_processes == 1
    assert settings.batch_size > SHORT.batch_size
    assert settings.n_workers > 0
    assert SHORT.for_device(torch.device("cpu")) == SHORT


@pytest.mark.slow
@pytest.mark.timeout(1200)  # well under a minute where nothing else runs
def test_loss_falls_and_the_result_loads(planes, tmp_path):
    run = Run(SHORT, tmp_path)
    samples, generator = samples_of(planes), np.random.default_rng(0)
    losses = []
    for _ in range(40):
        losses.append(train_step(run, samples, generator)["dense"])
        run.step += 1
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])

    run.save()
    again = Run(SHORT, tmp_path)
    again.resume()
    assert again.step == run.step

    weights = tmp_path / "nano.safetensors"
    export(run.average, weights, steps=run.step)
    predictor = load_model(weights)
    assert predictor.config.name == "nano"
    sample = Sample.of(cut_crop(planes[0], generator, augment=False))
    image = sample.crop.image.permute(1, 2, 0).numpy().astype(np.uint8)
    answer = predictor.predict(
        predictor.embed(image), Prompts.from_points([[128, 128]], [INSIDE])
    )
    assert answer.masks.shape[-2:] == image.shape[:2]
    assert np.isfinite(answer.iou_predictions).all()

    onwards = Run(replace(SHORT, start_from=weights), tmp_path / "onwards")
    exported = run.average.state_dict()
    for name, value in onwards.sam.state_dict().items():
        torch.testing.assert_close(value, exported[name], atol=2e-3, rtol=2e-3)
