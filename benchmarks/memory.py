"""How much memory jobs take: flat from 20 to 200 frames, and for very large planes.

    python benchmarks/memory.py --json memory.json [--model nano] [--side 20000]
    python benchmarks/memory.py --few 0 --dense 6000 12000 20000 --diameter 40

Each job runs in a process of its own, as the command line does it, on a zarr of
simulated planes; its peak is the largest resident set that the system has seen. What
the allocator of the system keeps differs from run to run by a tenth, so each is the
median of `--rounds` runs. The ratio is that of many frames to few: 1 means that the
length of a movie does not matter.
`--side` adds one plane of so many pixels a side, with large disks on it; it takes long.
`--dense` adds planes full of nearly touching disks, one of each side given: candidate
masks cover each pixel several times. The ratio is that of the last side to the first.
`--few 0` leaves the movies out.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import zarr

from napari_segment_anything.stacks.simulated import simulate_cells

# The child says what its peak was, in KiB on Linux and in bytes on macOS.
CHILD = """
import resource, sys
from napari_segment_anything.cli.main import main
status = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.stderr.write(f"\\npeak {peak * (1 if sys.platform == 'darwin' else 1024)}\\n")
sys.exit(status)
"""
LARGE_DIAMETER = 1000


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano", help="name or weights file")
    parser.add_argument("--few", type=int, default=20, help="frames of a short movie")
    parser.add_argument("--many", type=int, default=200, help="frames of a long one")
    parser.add_argument("--frame", type=int, default=256, help="side of a frame")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each movie")
    parser.add_argument("--side", type=int, default=0, help="side of a large plane")
    parser.add_argument(
        "--dense", type=int, nargs="+", default=[], help="sides of dense planes"
    )
    parser.add_argument(
        "--diameter", type=int, default=40, help="of the disks of dense planes"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    report = {
        "machine": platform.platform(),
        "model": arguments.model,
        "frame": [arguments.frame] * 2,
    }
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if arguments.few:
            report |= movies(arguments, place)
        if arguments.side:
            found = large(place, arguments.side, LARGE_DIAMETER, 3.0, arguments.model)
            report["large_plane"] = found
        if arguments.dense:
            planes = [
                large(place, side, arguments.diameter, 1.1, arguments.model)
                for side in arguments.dense
            ]
            ratio = planes[-1]["peak_bytes"] / planes[0]["peak_bytes"]
            report["dense_planes"] = {"planes": planes, "ratio": ratio}
            print(f"dense    last side to first: ×{ratio:.3f}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def movies(arguments: argparse.Namespace, place: Path) -> dict:
    """Measure each command on a short and on a long movie."""
    report = {}
    for command in ("embed", "segment"):
        peaks = {}
        for n_frames in (arguments.few, arguments.many):
            movie = movie_of(place / f"{n_frames}.zarr", n_frames, arguments.frame)
            peaks[n_frames] = [
                peak_of(command, movie, place / str(number), arguments.model)
                for number in range(arguments.rounds)
            ]
        medians = {n_frames: statistics.median(of) for n_frames, of in peaks.items()}
        ratio = medians[arguments.many] / medians[arguments.few]
        report[command] = {"peak_bytes": peaks, "ratio": ratio}
        sizes = ", ".join(f"{n} frames {p / 1e6:.0f} MB" for n, p in medians.items())
        print(f"{command:<8} {sizes}: ×{ratio:.3f}", flush=True)
    return report


def large(place: Path, side: int, diameter: int, pitch: float, model: str) -> dict:
    """Measure `segment` on one large plane of disks, `pitch` diameters apart."""
    plane = place / f"large-{side}-{diameter}.zarr"
    n_disks = draw_disks(plane, side, diameter, pitch)
    settings = place / "settings.toml"
    settings.write_text(f"[automatic]\nobject_diameter = {diameter}.0\n")
    peak = peak_of("segment", plane, place, model, "--settings", str(settings))
    found = json.loads((place / "summary.json").read_text())
    print(
        f"segment  {side}² pixels, {n_disks} disks of {diameter} pixels, "
        f"{found['n_objects']} objects found: {peak / 1e9:.2f} GB",
        flush=True,
    )
    return {
        "side": side,
        "diameter": diameter,
        "peak_bytes": peak,
        "n_disks": n_disks,
        "n_objects": found["n_objects"],
        "seconds": found["seconds"],
    }


def movie_of(path: Path, n_frames: int, side: int) -> Path:
    """Write a movie of simulated nuclei; a long one repeats a short one, shifted."""
    if path.exists():
        return path
    frames = simulate_cells(10, (side, side)).images
    array = zarr.create_array(
        path, shape=(n_frames, side, side), chunks=(1, side, side), dtype=frames.dtype
    )
    for t in range(n_frames):
        # No frame equals another: equal ones would be encoded once only.
        array[t] = np.roll(frames[t % 10], t // 10, axis=1)
    return path


def draw_disks(path: Path, side: int, diameter: int, pitch: float) -> int:
    """Write a plane of disks in staggered rows; return how many centres lie in it."""
    array = zarr.create_array(
        path, shape=(side, side), chunks=(1024, 1024), dtype=np.uint16
    )
    step, radius = round(pitch * diameter), diameter / 2
    # Every other row is shifted: in a square grid four disks enclose a dark gap that
    # everything mode rightly takes for an object of its own.
    row_step = round(step * 3**0.5 / 2)
    every_other = ((0, 0), (row_step, step // 2))
    rng = np.random.default_rng(0)
    n_disks = 0
    for top in range(0, side, 1024):
        rows, columns = np.arange(top, min(top + 1024, side)), np.arange(side)
        inside = np.zeros((len(rows), side), bool)
        for down, right in every_other:
            y = (rows + down) % (2 * row_step) - row_step
            x = (columns + right) % step - step // 2
            inside |= y[:, None] ** 2 + x[None] ** 2 < radius**2
            n_disks += int((y == 0).sum() * (x == 0).sum())
        noise = rng.integers(0, 120, inside.shape, dtype=np.uint16)
        array[top : top + 1024] = np.where(inside, np.uint16(2400), 300) + noise
    return n_disks


def peak_of(command: str, image: Path, place: Path, model: str, *options: str) -> int:
    """Run a command in a process of its own and return its peak in bytes."""
    place.mkdir(exist_ok=True)
    words = [command, str(image)]
    if command == "segment":
        words += [str(place / f"labels-{image.name}"), "--no-image"]
    words += ["--axes", "YX" if image.name.startswith("large") else "TYX"]
    words += ["--store", str(place / f"store-{command}-{image.name}")]
    words += ["--model", model, "--device", "cpu"]
    words += ["--json", str(place / "summary.json"), *options]
    process = subprocess.run(
        [sys.executable, "-c", CHILD, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(f"{command} failed: {process.stderr}")
    return int(process.stderr.rsplit("peak ", 1)[1])


if __name__ == "__main__":
    main()
