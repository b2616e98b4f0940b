"""Simulated movies of dividing nuclei with exact truth, to try settings of tracking on.

Settings must not be chosen on the movies that are reported, so this draws others, in
the layout of the Cell Tracking Challenge, which ``benchmarks/tracking.py`` reads::

    python benchmarks/simulate.py --output DIR --movies 3
    python benchmarks/tracking.py --data DIR --sets sim_0,sim_1 --variants truth,mended

Nuclei are ellipses with texture that wander, push each other away, grow, round up
before they divide (small, long and bright), and whose daughters start small and bright
on either side. Images are blurred and have photon noise. Each movie draws its own
crowding, speed, contrast and frames per cell cycle.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

SIDE = 480
# A fresh daughter's area, of her mother's; she grows to the mean in a few frames.
BIRTH_SHARE = 0.38
GROWING_FRAMES = 4


@dataclass
class Nucleus:
    """One nucleus now; lengths in pixels, angles in radians."""

    track: int
    place: np.ndarray
    area: float
    elongation: float
    angle: float
    until_division: int
    brightness: float
    texture: np.ndarray = field(repr=False)
    age: int = 99


def main(argv: Sequence[str] | None = None) -> int:
    """Write movies; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--movies", type=int, default=3)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first movie")
    options = parser.parse_args(argv)
    for number in range(options.movies):
        rng = np.random.default_rng(options.seed + number)
        movie = Movie(rng)
        folder = options.output / f"sim_{options.seed + number}"
        images, labels = zip(
            *(movie.next_frame() for _ in range(options.frames)), strict=True
        )
        write(folder, images, labels, movie.parents)
    return 0


class Movie:
    """Draws one frame after the other."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.parents: dict[int, int] = {}
        self._typical = float(rng.uniform(22, 34))
        self._speed = float(rng.uniform(0.05, 0.22)) * self._typical
        self._cycle = int(rng.integers(18, 40))
        self._light = float(rng.uniform(60, 250))
        self._nuclei: list[Nucleus] = []
        crowding = rng.uniform(0.12, 0.3)
        for _ in range(int(crowding * SIDE**2 / self._typical**2)):
            self._add(rng.uniform(0, SIDE, 2), 0, self._area())
        self._push(40)

    def next_frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Return image and labels of the next frame."""
        seen = self._draw()
        self._step()
        return seen

    def _area(self) -> float:
        return float(np.pi / 4 * self._typical**2 * self._rng.lognormal(0, 0.15))

    def _add(self, place: np.ndarray, parent: int, area: float, age: int = 99) -> None:
        rng = self._rng
        track = len(self.parents) + 1
        self.parents[track] = parent
        wait = rng.integers(1, self._cycle) if age > 90 else self._cycle
        self._nuclei.append(
            Nucleus(
                track,
                place,
                area,
                float(rng.uniform(1, 1.6)),
                float(rng.uniform(0, np.pi)),
                int(wait),
                float(rng.lognormal(0, 0.2)),
                ndimage.gaussian_filter(rng.normal(0, 1, (96, 96)), 4) * 5,
                age,
            )
        )

    def _step(self) -> None:
        """Let time pass by one frame."""
        rng = self._rng
        for one in list(self._nuclei):
            one.until_division -= 1
            one.age += 1
            one.place = one.place + rng.normal(0, self._speed, 2)
            one.angle += rng.normal(0, 0.1)
            one.area *= float(rng.lognormal(0.01, 0.03))
            if one.age <= GROWING_FRAMES:
                one.area *= (0.85 / BIRTH_SHARE) ** (1 / GROWING_FRAMES)
            if one.until_division <= 0:
                self._divide(one)
        self._push(3)
        middle = [(one.place > -0.3 * self._typical).all() for one in self._nuclei]
        inside = [
            ok and (one.place < SIDE + 0.3 * self._typical).all()
            for ok, one in zip(middle, self._nuclei, strict=True)
        ]
        self._nuclei = [one for ok, one in zip(inside, self._nuclei, strict=True) if ok]

    def _divide(self, mother: Nucleus) -> None:
        rng = self._rng
        self._nuclei.remove(mother)
        across = mother.angle + np.pi / 2 + rng.normal(0, 0.2)
        way = np.array([np.sin(across), np.cos(across)])
        way *= rng.uniform(0.35, 0.75) * self._typical
        for side in (-1, 1):
            share = BIRTH_SHARE * rng.lognormal(0, 0.1)
            self._add(mother.place + side * way, mother.track, mother.area * share, 0)
            self._nuclei[-1].angle = mother.angle + rng.normal(0, 0.2)

    def _push(self, times: int) -> None:
        """Move nuclei that overlap away from each other."""
        for _ in range(times):
            places = np.array([one.place for one in self._nuclei])
            radii = np.sqrt([one.area / np.pi for one in self._nuclei])
            away = places[:, None] - places[None]
            distance = np.linalg.norm(away, axis=2) + 1e-6
            np.fill_diagonal(distance, np.inf)
            overlap = np.maximum(radii[:, None] + radii[None] - distance, 0)
            push = 0.3 * (overlap / distance)[:, :, None] * away
            for one, move in zip(self._nuclei, push.sum(axis=1), strict=True):
                one.place = one.place + move

    def _draw(self) -> tuple[np.ndarray, np.ndarray]:
        light = np.zeros((SIDE, SIDE))
        labels = np.zeros((SIDE, SIDE), np.uint16)
        deepest = np.full((SIDE, SIDE), 1.0)
        for one in self._nuclei:
            is_dividing = one.until_division == 1
            area = one.area * (0.6 if is_dividing else 1.0)
            elongation = 2.2 if is_dividing else one.elongation
            bright = one.brightness * (1.8 if is_dividing or one.age < 2 else 1.0)
            minor = np.sqrt(area / np.pi / elongation)
            size = int(2 * minor * elongation) + 3
            y0, x0 = (int(v) - size for v in one.place)
            low_y, low_x = max(y0, 0), max(x0, 0)
            high_y = min(y0 + 2 * size + 1, SIDE)
            high_x = min(x0 + 2 * size + 1, SIDE)
            if low_y >= high_y or low_x >= high_x:
                continue
            y, x = np.mgrid[low_y:high_y, low_x:high_x]
            dy, dx = y - one.place[0], x - one.place[1]
            along = dy * np.sin(one.angle) + dx * np.cos(one.angle)
            across = dy * np.cos(one.angle) - dx * np.sin(one.angle)
            depth = np.hypot(along / (minor * elongation), across / minor)
            here = (slice(low_y, high_y), slice(low_x, high_x))
            is_ours = depth < deepest[here]
            labels[here][is_ours] = one.track
            deepest[here] = np.minimum(deepest[here], depth)
            rows = (48 + along).astype(int).clip(0, 95)
            columns = (48 + across).astype(int).clip(0, 95)
            surface = bright * (1 + 0.25 * one.texture[rows, columns])
            light[here][is_ours] = np.maximum(surface, 0.2)[is_ours]
        blurred = ndimage.gaussian_filter(light, 1.5) + 0.15
        image = self._rng.poisson(self._light * blurred) + self._rng.normal(
            100, 3, light.shape
        )
        return image.clip(0).astype(np.uint16), without_crumbs(labels)


def without_crumbs(labels: np.ndarray) -> np.ndarray:
    """Keep of each object the largest part, if that is worth the name."""
    clean = np.zeros_like(labels)
    for track, where in enumerate(ndimage.find_objects(labels), start=1):
        if where is None:
            continue
        parts, n = ndimage.label(labels[where] == track)
        sizes = np.bincount(parts.ravel(), minlength=n + 1)[1:]
        if sizes.max() >= 20:
            clean[where][parts == sizes.argmax() + 1] = track
    return clean


def write(
    folder: Path,
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    parents: dict[int, int],
) -> None:
    """Write a movie as the challenge lays it out; markers are whole masks."""
    for name in ("01", "01_GT/TRA", "01_GT/SEG"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    seen: dict[int, list[int]] = {}
    for t, (image, plane) in enumerate(zip(images, labels, strict=True)):
        for track in np.unique(plane[plane > 0]).tolist():
            seen.setdefault(track, []).append(t)
        tifffile.imwrite(folder / "01" / f"t{t:03d}.tif", image)
        for part, stem in (("TRA", "man_track"), ("SEG", "man_seg")):
            path = folder / "01_GT" / part / f"{stem}{t:03d}.tif"
            tifffile.imwrite(path, plane, compression="zlib")
    rows = [
        (
            track,
            frames[0],
            frames[-1],
            parents[track] if parents[track] in seen else 0,
        )
        for track, frames in sorted(seen.items())
    ]
    np.savetxt(folder / "01_GT" / "TRA" / "man_track.txt", rows, fmt="%d")


if __name__ == "__main__":
    sys.exit(main())
