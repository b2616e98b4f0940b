"""Nuclei that move, push each other aside, grow and divide."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_N_TEXTURE = 24
_TELOPHASE = 3


@dataclass
class Nucleus:
    """One nucleus between two divisions.

    Parameters
    ----------
    track : int
        Its id.
    centre, velocity : numpy.ndarray
        (2,) float, (y, x) in pixels and pixels per frame.
    angle : float
        Direction of the long axis in radians, from the y axis.
    radius : float
        Mean radius of the grown nucleus in pixels.
    elongation : float
        Long over short axis.
    brightness : float
        Peak signal of the grown nucleus.
    harmonics : numpy.ndarray
        (n, 2) float: cosine and sine terms, from the third harmonic on, by which the
        outline departs from an ellipse, relative to the radius.
    texture : numpy.ndarray
        (24, 24) float around 1: chromatin in the nucleus' own coordinates.
    age : int
        Frames since birth; the nuclei of the first frame are born grown.
    divides_in : int or None
        Frames until it splits; None if it does not in this movie.
    """

    track: int
    centre: NDArray[np.float64]
    velocity: NDArray[np.float64]
    angle: float
    radius: float
    elongation: float
    brightness: float
    harmonics: NDArray[np.float64]
    texture: NDArray[np.float64]
    age: int = 10
    divides_in: int | None = None
    spin: float = field(default=0.0)

    @property
    def is_condensed(self) -> bool:
        """Whether chromatin is packed into a plate, just before and after a split."""
        return self.divides_in == 1 or self.age == 0

    @property
    def semi_axes(self) -> tuple[float, float]:
        """Long and short semi-axis in pixels, at this age and phase."""
        long = self.radius * np.sqrt(self.elongation)
        short = self.radius / np.sqrt(self.elongation)
        if self.divides_in == 1:
            return 0.95 * self.radius, 0.42 * self.radius
        # Daughters start as narrow plates and round up while they grow.
        growth = min(1.0, (self.age + 1) / (_TELOPHASE + 1))
        width = 0.40 + 0.60 * growth
        return float(long * (0.72 + 0.28 * growth)), float(short * width)

    @property
    def signal(self) -> float:
        """Peak brightness: packed chromatin is brighter, as its amount is kept."""
        if self.divides_in == 1:
            return 2.1 * self.brightness
        return self.brightness * (1.0 + math.exp(-1.1 * self.age))

    def move(self, rng: np.random.Generator) -> None:
        """Advance by one frame of a persistent random walk."""
        if self.divides_in is not None:
            self.divides_in -= 1
        slowed = 0.3 if self.is_condensed else 1.0
        self.velocity = 0.75 * self.velocity + rng.normal(0, 1.0, 2)
        self.centre = self.centre + slowed * self.velocity
        self.spin = 0.7 * self.spin + float(rng.normal(0, 0.035))
        self.angle += self.spin
        self.harmonics = self.harmonics + rng.normal(0, 0.004, self.harmonics.shape)
        self.age += 1

    def divide(
        self, tracks: tuple[int, int], rng: np.random.Generator
    ) -> list["Nucleus"]:
        """Return two daughters that part across the plate of the mother."""
        across = np.array([-np.sin(self.angle), np.cos(self.angle)])
        daughters = []
        for track, side in zip(tracks, (-1.0, 1.0), strict=True):
            daughter = new_nucleus(track, self.centre, 0.88 * self.radius, rng)
            daughter.centre = self.centre + side * 0.72 * self.radius * across
            daughter.velocity = side * 0.16 * self.radius * across
            daughter.angle = self.angle + float(rng.normal(0, 0.08))
            daughter.elongation = 1.0 + 0.5 * (self.elongation - 1.0)
            daughter.brightness = self.brightness * float(rng.uniform(0.95, 1.05))
            daughter.age = 0
            daughters.append(daughter)
        return daughters


def new_nucleus(
    track: int,
    centre: NDArray[np.float64],
    radius: float,
    rng: np.random.Generator,
) -> Nucleus:
    """Draw a grown nucleus with a shape, brightness and chromatin of its own."""
    order = np.arange(3, 6)
    return Nucleus(
        track=track,
        centre=np.array(centre, dtype=np.float64),
        velocity=rng.normal(0, 1.0, 2),
        angle=float(rng.uniform(0, np.pi)),
        radius=radius,
        elongation=float(rng.uniform(1.05, 1.65)),
        brightness=float(rng.lognormal(np.log(900), 0.38)),
        harmonics=rng.normal(0, 0.035, (3, 2)) * (3 / order)[:, np.newaxis],
        texture=_draw_texture(rng),
    )


def push_apart(nuclei: list[Nucleus], shape: tuple[int, int]) -> None:
    """Move nuclei until they at most touch, and keep their centres on the plane."""
    centres = np.array([nucleus.centre for nucleus in nuclei])
    reach = np.array([0.5 * sum(nucleus.semi_axes) for nucleus in nuclei])
    margin = 0.35 * reach[:, np.newaxis]
    for _ in range(12):
        offset = centres[:, np.newaxis] - centres[np.newaxis]
        distance = np.hypot(*np.moveaxis(offset, -1, 0))
        np.fill_diagonal(distance, np.inf)
        overlap = np.maximum(0, 1.02 * (reach[:, np.newaxis] + reach) - distance)
        push = offset * (0.5 * overlap / np.maximum(distance, 1e-6))[..., np.newaxis]
        centres += push.sum(axis=1)
        centres = np.clip(centres, margin, np.array(shape) - 1 - margin)
    for nucleus, centre in zip(nuclei, centres, strict=True):
        nucleus.centre = centre


def _draw_texture(rng: np.random.Generator) -> NDArray[np.float64]:
    """Fine and coarse chromatin around 1, with dark nucleoli."""
    texture = np.ones((_N_TEXTURE, _N_TEXTURE))
    for n_cells, strength in ((6, 0.14), (12, 0.12)):
        coarse = rng.normal(0, strength, (n_cells, n_cells))
        texture += np.kron(coarse, np.ones((_N_TEXTURE // n_cells,) * 2))
    grid = np.linspace(-1, 1, _N_TEXTURE)
    for _ in range(rng.integers(1, 4)):
        y, x = rng.uniform(-0.5, 0.5, 2)
        size = rng.uniform(0.12, 0.2)
        squared = (grid[:, np.newaxis] - y) ** 2 + (grid - x) ** 2
        texture -= rng.uniform(0.3, 0.5) * np.exp(-squared / (2 * size**2))
    return np.maximum(texture, 0.3)
