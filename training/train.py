"""Train the bundled model.

    python -m training.train --data ../shared/data --output runs/nano --minutes 90

Runs again from its last checkpoint when the output folder holds one. The learning rate
follows the time that is spent, so that a run ends when it should on any machine.
"""

import argparse
import copy
import json
import logging
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, distributed, multiprocessing, nn

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import Sam
from napari_segment_anything.networks.state_dict import load_into

from .crops import cut_crop
from .evaluate import evaluate
from .export import export
from .initialise import initialise
from .planes import Plane, load_planes, sampling_weights
from .step import Batch, dense_loss, encode, prompt_loss

log = logging.getLogger("training")


@dataclass(frozen=True)
class TrainingSettings:
    """Sizes and lengths of a run."""

    minutes: float = 90.0
    max_steps: int = 10**9
    dense_share: float = 0.1
    dense_batch_size: int = 8
    prompt_every: int = 2
    batch_size: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    dice_ramp_share: float = 0.12
    average_decay: float = 0.998
    evaluate_seconds: float = 300.0
    n_processes: int = 1
    start_from: Path | None = None
    seed: int = 0


class Run:
    """State of a run: weights, their running average, optimiser, time and steps."""

    def __init__(self, settings: TrainingSettings, output: Path) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.output = settings, output
        self.sam = Sam(CONFIGS["nano"])
        initialise(self.sam)
        if settings.start_from is not None:
            load_what_fits(self.sam, load_file(settings.start_from))
        self.sam.image_encoder.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.sam).eval()
        decayed = [p for p in self.sam.parameters() if p.ndim > 1]
        others = [p for p in self.sam.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
        )
        self.step, self.seconds = 0, 0.0
        self._last_tick = time.perf_counter()
        self.checkpoint = output / "checkpoint.pt"

    @property
    def share(self) -> float:
        """How much of the run is over, 0 to 1."""
        by_steps = self.step / self.settings.max_steps
        return max(by_steps, self.seconds / 60 / self.settings.minutes)

    def save(self) -> None:
        """Write a checkpoint atomically."""
        state = {
            "sam": self.sam.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        self.sam.load_state_dict(state["sam"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        log.info("resumed at step %d, %.0f s", self.step, self.seconds)

    def set_learning_rate(self) -> None:
        """Linear warm-up, then a cosine to nearly nothing."""
        warm = min(1.0, (self.step + 1) / self.settings.warmup_steps)
        cosine = 0.5 * (1 + math.cos(math.pi * min(self.share, 1.0)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * warm * max(cosine, 0.01)

    def update_average(self) -> None:
        """Move the averaged weights towards the current ones."""
        decay = min(self.settings.average_decay, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            current = self.sam.state_dict()
            for name, value in self.average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(current[name], 1 - decay)
                else:
                    value.copy_(current[name])

    def start_clock(self) -> None:
        """Count time from now on."""
        self._last_tick = time.perf_counter()

    def synchronise(self) -> None:
        """Average gradients and the time spent over the processes.

        All processes see the same clock afterwards, and so stop at the same step.
        """
        now = time.perf_counter()
        elapsed, self._last_tick = now - self._last_tick, now
        if self.settings.n_processes == 1:
            self.seconds += elapsed
            return
        # A process whose prompts did not need some part of the model has no gradient.
        parameters = list(self.sam.parameters())
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients] + [torch.tensor([elapsed])])
        distributed.all_reduce(flat)
        flat /= self.settings.n_processes
        self.seconds += float(flat[-1])
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()


def load_what_fits(sam: Sam, state: Mapping[str, Tensor]) -> None:
    """Load weights, perhaps of an earlier architecture that lacks some parts."""
    own = sam.state_dict()
    kept = {key: state[key] for key in own if key in state}
    for key in own.keys() - kept.keys():
        log.info("%s is not among the weights to start from", key)
    load_into(sam, own | kept)


def train(data: Path, output: Path, settings: TrainingSettings) -> Path:
    """Train, log to ``output/log.jsonl`` and return the path of the written weights."""
    output.mkdir(parents=True, exist_ok=True)
    if settings.n_processes == 1:
        _train_process(0, data, output, settings)
    else:
        (output / "rendezvous").unlink(missing_ok=True)
        multiprocessing.spawn(
            _train_process, (data, output, settings), settings.n_processes
        )
    return output / "nano.safetensors"


def _train_process(
    rank: int, data: Path, output: Path, settings: TrainingSettings
) -> None:
    """Train in one process; the first one evaluates, logs and saves."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
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
    run = Run(settings, output)
    run.resume()
    planes = load_planes(data, "train")
    weights = sampling_weights(planes)
    validation = load_planes(data, "validation") if rank == 0 else []
    log.info("%d planes to train, %d to validate", len(planes), len(validation))
    generator = np.random.default_rng((settings.seed, run.step, rank))
    recent: dict[str, list[float]] = {}
    last_evaluation = run.seconds
    run.start_clock()
    log_file = output / "log.jsonl" if rank == 0 else Path(os.devnull)
    with log_file.open("a") as curves:
        while run.share < 1:
            for name, value in train_step(run, planes, weights, generator).items():
                recent.setdefault(name, []).append(value)
            run.step += 1
            if rank > 0:
                continue
            row: dict[str, float] = {}
            if run.step % 25 == 0 or run.share >= 1:
                row = {name: float(np.mean(values)) for name, values in recent.items()}
                recent.clear()
            if (
                run.seconds - last_evaluation > settings.evaluate_seconds
                or run.share >= 1
            ):
                last_evaluation = run.seconds
                row |= evaluate(run.average, validation)
                run.save()
            if row:
                row = {name: round(value, 4) for name, value in row.items()}
                row = {"step": run.step, "seconds": round(run.seconds)} | row
                log.info("%s", row)
                curves.write(json.dumps(row) + "\n")
                curves.flush()
    if rank == 0:
        run.save()
        export(run.average, output / "nano.safetensors", steps=run.step)


def train_step(
    run: Run, planes: list[Plane], weights: np.ndarray, generator: np.random.Generator
) -> dict[str, float]:
    """Train on one batch of random crops; return the losses and mean IoUs."""
    settings = run.settings
    # Dense steps cost half as much and teach the encoder as well.
    is_dense = (
        run.share < settings.dense_share or run.step % settings.prompt_every > 0
    )
    size = settings.dense_batch_size if is_dense else settings.batch_size
    chosen = generator.choice(len(planes), size, p=weights)
    batch = Batch.collate([cut_crop(planes[i], generator) for i in chosen])
    run.sam.train()
    run.set_learning_rate()
    embedding, maps = encode(run.sam, batch)
    dense = dense_loss(run.sam, batch, embedding, maps)
    row = {"dense": dense.item()}
    loss = dense
    if not is_dense:
        ramp = 1.0
        if settings.start_from is None:
            ramp = (run.share - settings.dense_share) / settings.dice_ramp_share
        prompted, ious = prompt_loss(
            run.sam, batch, embedding, generator, min(1.0, ramp)
        )
        loss = 0.5 * dense + prompted
        row |= {"prompt": prompted.item()} | ious
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    run.synchronise()
    nn.utils.clip_grad_norm_(run.sam.parameters(), 1.0)
    run.optimiser.step()
    run.update_average()
    return row


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("runs/nano"))
    parser.add_argument("--minutes", type=float, default=TrainingSettings.minutes)
    parser.add_argument("--max-steps", type=int, default=TrainingSettings.max_steps)
    parser.add_argument(
        "--learning-rate", type=float, default=TrainingSettings.learning_rate
    )
    parser.add_argument(
        "--dense-share",
        type=float,
        default=TrainingSettings.dense_share,
        help="part of the run before the first prompts",
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--start-from", type=Path, help="weights to go on from")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = TrainingSettings(
        minutes=arguments.minutes,
        max_steps=arguments.max_steps,
        learning_rate=arguments.learning_rate,
        dense_share=arguments.dense_share,
        n_processes=arguments.processes,
        start_from=arguments.start_from,
    )
    log.info("wrote %s", train(arguments.data, arguments.output, settings))


if __name__ == "__main__":
    main()
