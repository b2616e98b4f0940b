"""A short run of the recipe of the bundled model, on simulated cells."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from training.crops import cut_crop
from training.export import export
from training.grow import grow
from training.interaction import choose_objects, correct, first_prompts
from training.planes import sampling_weights
from training.processor import Processor, bfloat16_gain
from training.prompting import Scene, decode, on_crops, with_rough_masks
from training.run import Run
from training.samples import sample_batches
from training.settings import TrainingSettings
from training.step import encode
from training.targets import borders, depths, make_targets, measure_objects
from training.train import seeded, train_step

from napari_segment_anything.engine.prompts import INSIDE, Prompts
from napari_segment_anything.models.load import load_model

SHORT = TrainingSettings(
    minutes=60,
    batch_size=2,
    dense_share=0,
    warmup_steps=5,
    precision="float32",
)


CPU = torch.device("cpu")


def batches_of(planes, seed=0, n_workers=0, batch_size=2):
    weights = sampling_weights(planes)
    return sample_batches(planes, weights, (seed,), batch_size, n_workers)


def test_crop_shows_what_its_labels_say(planes):
    plane = planes[0]
    bright = plane.image.mean(-1)[plane.labels > 0].mean()
    dark = plane.image.mean(-1)[plane.labels == 0].mean()
    generator = np.random.default_rng(0)
    for _ in range(5):
        crop = cut_crop(plane, generator, augment=False)
        image = crop.image.float().mean(0)
        low_res = image.reshape(128, 2, 128, 2).mean((1, 3)).numpy()
        inside = crop.is_inside.numpy()[::2, ::2]
        is_object = crop.labels.numpy() > 0
        assert low_res[is_object & inside].mean() > 0.5 * (bright + dark)
        assert low_res[~is_object & inside].mean() < 0.5 * (bright + dark)
        n = int(crop.labels.max())
        assert set(crop.labels.unique().tolist()) - {0} == set(range(1, n + 1))


def test_offsets_point_to_the_centre():
    labels = torch.zeros(2, 40, 40, dtype=torch.int16)
    labels[1, 5:16, 10:31] = 2
    objects = measure_objects(labels)
    assert objects.area[:, 2].tolist() == [0, 11 * 21]
    targets = make_targets(labels, objects)
    y, x = 5, 10
    offset = targets.offset[1, :, y, x]
    assert (y + offset[0], x + offset[1]) == (10, 20)
    assert targets.centre[1, 10, 20] == 1
    assert targets.offset[1, :, 0, 0].tolist() == [0, 0]
    assert not targets.foreground[0].any()


def test_depth_is_nearly_the_distance_to_what_is_outside():
    from scipy import ndimage

    y, x = np.indices((64, 64))
    disk = (y - 30) ** 2 + (x - 33) ** 2 < 25**2
    exact = ndimage.distance_transform_edt(np.pad(disk, 1))[1:-1, 1:-1]
    depth = depths(torch.from_numpy(disk)[None])[0].numpy()
    assert (depth > 0).tolist() == disk.tolist()
    assert abs(depth - exact).max() < 3
    assert exact.flat[depth.argmax()] > exact.max() - 2


def test_prompts_are_of_their_objects(planes):
    batch = next(batches_of(planes, batch_size=4))
    objects = measure_objects(batch.labels)
    generator = seeded((0,), CPU)
    rows, ids = choose_objects(objects.area, 3, generator)
    assert rows.bincount().max() <= 3
    assert len({*zip(rows.tolist(), ids.tolist(), strict=True)}) == len(ids)
    masks = batch.labels[rows] == ids[:, None, None]
    depth = depths((batch.labels > 0) & ~borders(batch.labels))[rows]
    origins = batch.origins[rows]
    prompts = first_prompts(masks, depth, origins, "both", generator)
    # From frame pixels back to low-resolution ones of the crop.
    corner = origins.flip(-1) * 8
    column, row = ((prompts.points_xy[:, 0] - corner) / 2).round().long().unbind(1)
    assert masks[torch.arange(len(masks)), row, column].all()
    for mask, box, start in zip(masks, prompts.boxes_xyxy, corner, strict=True):
        y, x = mask.nonzero().float().unbind(1)
        exact = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]) * 2 - 0.5
        size = (exact[2:] - exact[:2]).repeat(2)
        moved = (box - start.repeat(2) - exact).abs() / size
        assert moved.max() <= 0.2 + 1 / float(size.min())


def test_corrections_lie_in_the_larger_error(planes):
    masks = torch.zeros(2, 32, 32, dtype=torch.bool)
    masks[:, 4:20, 4:20] = True
    found = masks.clone()
    found[0, 4:12] = False  # half of it missed
    found[1, 20:28, 4:20] = True  # as much again in excess
    origins = torch.zeros(2, 2, dtype=torch.int64)
    generator = seeded((0,), CPU)
    depth = depths(masks)
    first = first_prompts(masks, depth, origins, "box", generator)
    logits = torch.where(found, 50.0, -50.0)
    for _ in range(5):
        again = correct(first, logits, masks, origins, generator)
        assert again.point_labels[:, -1].tolist() == [1, 0]
        x, y = ((again.points_xy[:, -1] + 0.5) / 2 - 0.5).round().long().unbind(1)
        assert (masks ^ found)[torch.arange(2), y, x].all()
        assert again.masks.abs().max() == 32


def test_workers_cut_crops_of_their_own_in_an_order_that_repeats(planes):
    first = list(islice(batches_of(planes, n_workers=2, batch_size=1), 4))
    again = list(islice(batches_of(planes, n_workers=2, batch_size=1), 4))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.images, other.images)
    assert len({int(batch.images.long().sum()) for batch in first}) == len(first)


def test_same_seed_gives_the_same_first_losses(planes, tmp_path):
    # Steps, not time, say how much of the run is over.
    settings = replace(SHORT, minutes=np.inf, max_steps=50)

    def first_losses(seed, n_steps):
        run = Run(replace(settings, seed=seed), tmp_path)
        batches, generator = (
            batches_of(planes, seed, batch_size=1),
            seeded((seed,), CPU),
        )
        rows = []
        for _ in range(n_steps):
            losses = train_step(run, batches, generator)
            del losses["waited"]
            rows.append({name: float(value) for name, value in losses.items()})
            run.step += 1
        return rows

    losses = first_losses(3, n_steps=2)
    assert first_losses(3, n_steps=2) == losses
    assert first_losses(4, n_steps=1) != losses[:1]


def test_prompts_of_two_crops_are_answered_as_those_of_each(planes, tmp_path):
    cpu = Processor()
    sam = Run(SHORT, tmp_path).average
    batch = next(batches_of(planes))
    rows = torch.tensor([0, 0, 1, 1, 1])
    ids = torch.tensor([1, 2, 1, 2, 3])
    masks = batch.labels[rows] == ids[:, None, None]
    prompt = first_prompts(
        masks, masks.float(), batch.origins[rows], "point", seeded((0,), CPU)
    )
    with torch.inference_mode():
        embedding, _ = encode(sam, cpu, batch)

        def answer(crops, which):
            scene = Scene(
                embedding[crops], batch.origins[crops], rows[which] - crops.start
            )
            started = with_rough_masks(sam, scene, prompt.select(which))
            return on_crops(decode(sam, cpu, scene, started), scene)

        together = answer(slice(0, 2), slice(None))
        apart = [answer(slice(i, i + 1), rows == i) for i in range(2)]
    for both, each in zip(together, zip(*apart, strict=True), strict=True):
        torch.testing.assert_close(both, torch.cat(each), atol=1e-4, rtol=1e-4)


def test_a_grown_encoder_answers_as_the_one_it_grew_from(planes, tmp_path):
    batch = next(batches_of(planes))
    sam = Run(SHORT, tmp_path).average
    added = ("image_encoder.layers.2.blocks.4", "image_encoder.pyramid.blocks.2")
    last = sam.image_encoder.layers[2].blocks
    pyramid = sam.image_encoder.pyramid.blocks
    known = {k for k in sam.state_dict() if not k.startswith(added)}
    with torch.inference_mode():
        blocks, mixers = last[:4] + last[5:], pyramid[:2]
        sam.image_encoder.layers[2].blocks, sam.image_encoder.pyramid.blocks = (
            blocks,
            mixers,
        )
        expected, _ = encode(sam, Processor(), batch)
    sam.image_encoder.layers[2].blocks = last
    sam.image_encoder.pyramid.blocks = pyramid
    grow(sam, known, batch)
    with torch.inference_mode():
        embedding, _ = encode(sam, Processor(), batch)
    torch.testing.assert_close(embedding, expected, atol=1e-3, rtol=1e-3)


def test_bfloat16_encoder_gives_nearly_the_same_embedding(
    planes, tmp_path, monkeypatch
):
    monkeypatch.setattr("training.processor.N_TIMED_CROPS", 1)
    monkeypatch.setattr("training.processor.N_REPEATS", 1)
    run = Run(SHORT, tmp_path)
    assert bfloat16_gain(run.sam.image_encoder, torch.device("cpu")) > 0
    fast = Processor(has_fast_bfloat16=True)
    batch = next(batches_of(planes))
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
    batches, generator = batches_of(planes), seeded((0,), CPU)
    losses = []
    for _ in range(40):
        losses.append(float(train_step(run, batches, generator)["dense"]))
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
    crop = cut_crop(planes[0], np.random.default_rng(0), augment=False)
    image = crop.image.permute(1, 2, 0).numpy()
    answer = predictor.predict(
        predictor.embed(image), Prompts.from_points([[128, 128]], [INSIDE])
    )
    assert answer.masks.shape[-2:] == image.shape[:2]
    assert np.isfinite(answer.iou_predictions).all()

    onwards = Run(replace(SHORT, start_from=weights), tmp_path / "onwards")
    assert onwards.steps_before == run.step
    exported = run.average.state_dict()
    for name, value in onwards.sam.state_dict().items():
        torch.testing.assert_close(value, exported[name], atol=2e-3, rtol=2e-3)
