"""Train the bundled model.

    python -m training.train --data ../shared/data --output runs/nano --minutes 90

Runs again from its last checkpoint when the output folder holds one. The learning rate
follows the time that is spent, so that a run ends when it should on any machine. At the
end come the weights, their figures on the test part and the model card.
"""

import argparse
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn

from napari_segment_anything.errors import SegmentAnythingError

from .evaluate import evaluate
from .export import export
from .model_card import CARD_NAME, write_card
from .planes import Plane, load_planes, sampling_weights
from .processor import CPU, choose_device
from .prompting import prompt_loss
from .quality import measure_quality
from .record import add_start
from .run import Run
from .samples import Batch, sample_batches
from .settings import TrainingSettings
from .step import dense_loss, encode

log = logging.getLogger("training")

LOG_STEPS = 25


def train(
    data: Path,
    output: Path,
    settings: TrainingSettings,
    device: torch.device = CPU,
) -> Path:
    """Train, log to ``output/log.jsonl`` and return the path of the written weights."""
    output.mkdir(parents=True, exist_ok=True)
    if settings.n_processes == 1:
        _train_process(0, data, output, settings, device)
    else:
        (output / "rendezvous").unlink(missing_ok=True)
        arguments = (data, output, settings, device)
        spawn(_train_process, arguments, settings.n_processes)  # type: ignore[no-untyped-call]
    return output / "nano.safetensors"


def _train_process(
    rank: int,
    data: Path,
    output: Path,
    settings: TrainingSettings,
    device: torch.device,
) -> None:
    """Train in one process; the first one evaluates, logs and saves."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # Gradients of saturated units are subnormal numbers, with which one convolution of
    # the proposal head took half of a dense step.
    torch.set_flush_denormal(True)
    if settings.n_processes > 1:
        # One thread each: threads that wait for each other lose most of their time
        # on a machine that does something else as well.
        torch.set_num_threads(1)
        distributed.init_process_group(
            "gloo",
            init_method=f"file://{(output / 'rendezvous').resolve()}",
            rank=rank,
            world_size=settings.n_processes,
        )
    run = Run(settings, output, device)
    run.resume()
    planes = load_planes(data, "train", settings.seed)
    validation = load_planes(data, "validation") if rank == 0 else []
    log.info("%d planes to train, %d to validate", len(planes), len(validation))
    if run.share < 1:
        run.choose_precision()
        if rank == 0:
            add_start(run)
    seed = (settings.seed, run.step, rank)
    generator = seeded(seed, device)
    batches = sample_batches(
        planes,
        sampling_weights(planes),
        seed,
        settings.batch_size,
        settings.n_workers,
        run.changed_share,
    )
    run.start_clock()
    if rank > 0:
        while run.share < 1:
            train_step(run, batches, generator)
            run.step += 1
        return
    _train_and_log(run, batches, generator, validation)
    run.save()
    steps = run.steps_before + run.step
    export(run.average, output / "nano.safetensors", steps=steps)


def _train_and_log(
    run: Run,
    batches: Iterator[Batch],
    generator: torch.Generator,
    validation: list[Plane],
) -> None:
    recent: dict[str, list[Tensor]] = {}
    last_evaluation = run.seconds
    with (run.output / "log.jsonl").open("a") as curves:
        while run.share < 1:
            for name, value in train_step(run, batches, generator).items():
                recent.setdefault(name, []).append(value)
            run.step += 1
            row: dict[str, float] = {}
            if run.step % LOG_STEPS == 0 or run.share >= 1:
                # Not after each step, which would wait for the device.
                row = {
                    name: float(run.processor.fetch(torch.stack(values).mean()))
                    for name, values in recent.items()
                }
                recent.clear()
            since = run.seconds - last_evaluation
            if since > run.settings.evaluate_seconds or run.share >= 1:
                last_evaluation = run.seconds
                row |= evaluate(run.average, run.processor, validation)
                run.save()
            if row:
                row = {name: round(value, 4) for name, value in row.items()}
                row = {"step": run.step, "seconds": round(run.seconds)} | row
                log.info("%s", row)
                curves.write(json.dumps(row) + "\n")
                curves.flush()


def seeded(seed: Sequence[int], device: torch.device) -> torch.Generator:
    """Random numbers on a device, by several numbers."""
    state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator(device).manual_seed(state)


def train_step(
    run: Run, batches: Iterator[Batch], generator: torch.Generator
) -> dict[str, Tensor]:
    """Train on one batch of random crops; return the losses and mean IoUs."""
    settings, processor = run.settings, run.processor
    # Dense steps cost half as much and teach the encoder as well.
    is_dense = run.share < settings.dense_share or run.step % settings.prompt_every > 0
    start = time.perf_counter()
    batch = next(batches).moved(processor)
    waited = time.perf_counter() - start
    objects, truth = batch.truth()
    run.sam.train()
    run.set_learning_rate()
    run.changed_share.fill_(settings.changed_share(run.share))
    embedding, maps = encode(run.sam, processor, batch)
    dense = dense_loss(run.sam, batch, truth, embedding, maps)
    loss = dense
    measured = {"waited": torch.tensor(waited), "dense": dense.detach()}
    if not is_dense:
        ramp = 1.0
        if settings.start_from is None:
            ramp = (run.share - settings.dense_share) / settings.dice_ramp_share
        prompted, ious = prompt_loss(
            run.sam,
            processor,
            batch,
            objects.area,
            embedding,
            generator,
            min(1.0, ramp),
            settings.crops_together,
        )
        loss = 0.5 * dense + prompted
        measured |= {"prompt": prompted.detach()} | ious
    run.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    run.synchronise()
    nn.utils.clip_grad_norm_(run.sam.parameters(), 1.0)
    run.optimiser.step()
    run.update_average()
    return measured


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    of = TrainingSettings()
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--output", type=Path, default=Path("runs/nano"))
    parser.add_argument("--minutes", type=float, default=of.minutes)
    parser.add_argument("--max-steps", type=int, default=of.max_steps)
    parser.add_argument("--learning-rate", type=float, default=of.learning_rate)
    parser.add_argument(
        "--dense-share",
        type=float,
        default=of.dense_share,
        help="part of the run before the first prompts",
    )
    parser.add_argument(
        "--processes", type=int, default=of.n_processes, help="on a CPU; a GPU has one"
    )
    parser.add_argument("--start-from", type=Path, help="weights to go on from")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default=of.precision,
        help="of the encoder, on a GPU also of the decoder; auto tries which is faster",
    )
    parser.add_argument(
        "--workers", type=int, help="processes that cut crops; by default only on a GPU"
    )
    parser.add_argument("--seed", type=int, default=of.seed)
    parser.add_argument(
        "--no-quality",
        action="store_true",
        help="end without measuring the test part",
    )
    return parser.parse_args()


def main() -> None:
    """Read the command line, train, measure and write the card."""
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        device = choose_device(arguments.device)
    except SegmentAnythingError as error:
        raise SystemExit(str(error)) from error
    settings = TrainingSettings(
        minutes=arguments.minutes,
        max_steps=arguments.max_steps,
        learning_rate=arguments.learning_rate,
        dense_share=arguments.dense_share,
        n_processes=arguments.processes,
        precision=arguments.precision,
        start_from=arguments.start_from,
        seed=arguments.seed,
    ).for_device(device)
    if arguments.workers is not None:
        settings = replace(settings, n_workers=arguments.workers)
    weights = train(arguments.data, arguments.output, settings, device)
    log.info("wrote %s", weights)
    planes = load_planes(arguments.data, "train", settings.seed)
    # Before the figures as well: measuring takes long and may be interrupted.
    write_card(planes, arguments.output)
    if not arguments.no_quality:
        measure_quality(arguments.data, weights, arguments.output, device)
        write_card(planes, arguments.output)
    log.info("wrote %s", arguments.output / CARD_NAME)


if __name__ == "__main__":
    main()
