"""Jobs that are killed without warning at any moment, and run again."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from napari_segment_anything.cli.main import main
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this system cannot kill without warning"
)

# Runs a command and writes down what it computes, before it does.
CHILD = """
import os, sys
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.storage.candidate_store import CandidateStore

log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
embed_batch, get = MaskPredictor.embed_batch, CandidateStore.get

def logged_embed_batch(self, images, intensity_range=None):
    for image in images:
        os.write(log, f"encode {self.key(image, intensity_range)}\\n".encode())
    return embed_batch(self, images, intensity_range)

def logged_get(self, key):
    masks = get(self, key)
    if masks is None:
        os.write(log, f"detect {key}\\n".encode())
    return masks

MaskPredictor.embed_batch, CandidateStore.get = logged_embed_batch, logged_get
from napari_segment_anything.cli.main import main
os.write(log, b"begin\\n")
sys.exit(main(sys.argv[2:]))
"""
N_AT_ONCE = 2
# Two embeddings wait to be written while others are computed.
MOST_IN_FLIGHT = {"encode": 2 + N_AT_ONCE, "detect": N_AT_ONCE}


@pytest.fixture
def make_job(tmp_path, cache, disks_image):
    def make(command, n_planes):
        frames = [
            np.roll(disks_image.image[:64, :96], 3 * t, axis=1) + np.uint16(t)
            for t in range(n_planes)
        ]
        np.save(tmp_path / "movie.npy", np.stack(frames))
        (tmp_path / "whole.toml").write_text("[automatic]\ntile = false\n")
        return Job(command, n_planes, tmp_path)

    return make


class Job:
    """A command that can be killed, and what is on disk."""

    def __init__(self, command, n_planes, folder):
        self.command, self.n_planes, self.folder = command, n_planes, folder
        self.log = folder / "log"

    def words(self, name):
        outputs = [f"{self.folder / name}.zarr"] if self.command == "segment" else []
        return [
            *[self.command, str(self.folder / "movie.npy"), *outputs],
            *["--axes", "TYX", "--device", "cpu"],
            *["--settings", str(self.folder / "whole.toml")],
            *["--store", str(self.folder / f"{name}-store")],
        ]

    def start(self):
        self.log.unlink(missing_ok=True)
        words = [sys.executable, "-c", CHILD, str(self.log), *self.words("killed")]
        return subprocess.Popen(
            words,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": str(N_AT_ONCE)},
        )

    def computed(self, kind):
        """Keys of what the last process began to compute."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.split()[1] for line in lines if line.startswith(kind)]

    def stored(self, kind):
        if kind == "encode":
            return set(ZarrEmbeddingStore(self.folder / "killed-store").keys())
        return set(CandidateStore(self.folder / "killed.candidates").keys())

    def kinds(self):
        return ["encode", "detect"] if self.command == "segment" else ["encode"]

    def kill(self, wait):
        """Start it, let it run until `wait` returns, and kill it.

        Returns
        -------
        bool
            Whether it was still at work.
        """
        before = {kind: self.stored(kind) for kind in self.kinds()}
        process = self.start()
        wait(self, process)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=600)
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        for kind, known in before.items():
            computed = self.computed(kind)
            assert len(computed) == len(set(computed))
            assert not known & set(computed), "computed twice"
            lost = set(computed) - self.stored(kind)
            assert len(lost) <= MOST_IN_FLIGHT[kind]
        return process.returncode != 0

    def finish(self):
        """Run it to its end, in a process that writes down what it computes."""
        before = {kind: self.stored(kind) for kind in self.kinds()}
        process = self.start()
        _, said = process.communicate(timeout=1500)
        assert process.returncode == 0, said.decode()
        for kind, known in before.items():
            assert not known & set(self.computed(kind)), "computed twice"

    def assert_equal_to_undisturbed(self):
        assert main(self.words("alone")) == 0
        killed, alone = (
            ZarrEmbeddingStore(self.folder / f"{name}-store")
            for name in ("killed", "alone")
        )
        keys = sorted(alone.keys())
        assert sorted(killed.keys()) == keys
        assert len(keys) == self.n_planes
        for key in keys:
            first, second = killed.get(key), alone.get(key)
            np.testing.assert_array_equal(first.features, second.features)
            assert first.intensity_range == second.intensity_range
        if self.command == "segment":
            a, b = (
                LabelStore.open(self.folder / f"{name}.zarr")
                for name in ("killed", "alone")
            )
            labels = np.asarray(a.labels)
            assert labels.reshape(self.n_planes, -1).max(axis=1).min() > 0
            np.testing.assert_array_equal(labels, np.asarray(b.labels))
            np.testing.assert_array_equal(np.asarray(a.image), np.asarray(b.image))
            assert all(a.done((t,)) for t in range(self.n_planes))


def until_begun(job, process):
    deadline = time.monotonic() + 600
    while not job.log.exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_segmentation_goes_on_where_it_was(make_job, tmp_path):
    job = make_job("segment", 6)

    def until_two_are_found(job, process):
        until_begun(job, process)
        while len(job.computed("detect")) < 2 + N_AT_ONCE and process.poll() is None:
            time.sleep(0.005)

    assert job.kill(until_two_are_found)
    n_found = len(job.stored("detect"))
    assert 2 <= n_found < 6
    summary = tmp_path / "summary.json"
    assert main([*job.words("killed"), "--json", str(summary)]) == 0
    assert json.loads(summary.read_text())["n_resumed"] == n_found
    job.assert_equal_to_undisturbed()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("command", "n_planes"), [("embed", 80), ("segment", 40)])
def test_ten_kills_at_random_moments_change_nothing(make_job, command, n_planes):
    job = make_job(command, n_planes)
    moments = random.Random(0)

    def a_while(job, process):
        until_begun(job, process)
        time.sleep(moments.uniform(0, 1.2))

    at_work = [job.kill(a_while) for _ in range(10)]
    assert sum(at_work) == 10, "the job ended before the last moment"
    job.finish()
    job.assert_equal_to_undisturbed()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("command", "n_planes"), [("embed", 12), ("segment", 8)])
def test_two_processes_may_do_the_same_job_at_once(make_job, command, n_planes):
    job = make_job(command, n_planes)
    both = [job.start(), job.start()]
    for process in both:
        _, said = process.communicate(timeout=1500)
        assert process.returncode == 0, said.decode()
    job.assert_equal_to_undisturbed()
