"""Prompts on a plane of any size, answered in windows at the scale of its objects."""

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine import image as image_module
from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.predictor import IntensityRange, MaskPredictor
from napari_segment_anything.engine.prompt_bounds import within_plane
from napari_segment_anything.engine.prompt_windows import PromptWindows
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.second_look import Answer, Answers
from napari_segment_anything.engine.window_decoder import Question, WindowDecoder
from napari_segment_anything.engine.working_scale import estimate_scale, window_side

_BATCH = 64
# Models without a proposal head encode too slowly to look closer at small boxes.
_N_CLOSER = 2


class PlanePredictor:
    """Answers prompts on one plane.

    A plane whose objects would be small in the model frame is looked at in windows.
    Windows overlap, so that each prompt has one that shows its surroundings; they are
    encoded when a prompt first needs them. An object that its window cuts is looked at
    again from farther away, at last in the frame of the whole plane. A model with a
    proposal head looks again from farther away, too, when it is unsure of what points
    show, and from closer when that is small: the surer answer counts.

    Parameters
    ----------
    predictor : MaskPredictor
        Encodes and decodes. One that looks into a store keeps the windows there.
    image : array-like
        (H, W) or (H, W, 3).
    intensity_range : tuple of float, optional
        As for `MaskPredictor.embed`; one range serves all windows.
    embedding : ImageEmbedding, optional
        Of the whole plane, if it is at hand.
    scale : float, optional
        Frame pixels per plane pixel in the finest windows; by default estimated.
    overlap : float
        Overlap of neighbouring windows as part of their side. With one half, each
        point lies in the middle half of a window.
    n_kept : int
        Embeddings that are kept in memory, 2 at least; the whole plane's stays.
    proposal_weight : float
        Weight of what the proposal head says in predicted IoUs, as in
        `AutomaticSettings`, so that they compare with those of everything mode.
    looks_closer : bool
        Whether points whose answer is small are asked once more in a closer window.

    Raises
    ------
    InvalidImageError
        When the image is empty or not made of real numbers.
    """

    def __init__(
        self,
        predictor: MaskPredictor,
        image: npt.ArrayLike,
        *,
        intensity_range: IntensityRange | None = None,
        embedding: ImageEmbedding | None = None,
        scale: float | None = None,
        overlap: float = 0.5,
        n_kept: int = 32,
        proposal_weight: float = 0.0,
        looks_closer: bool = True,
    ) -> None:
        self._predictor = predictor
        self._decoder = WindowDecoder(predictor, proposal_weight)
        self._pixels = image_module.check_plane(image)
        self._range = intensity_range or percentile_range(self._pixels)
        self._scale = scale
        self._overlap = overlap
        self._n_kept = n_kept
        self._looks_closer = looks_closer
        self._kept: OrderedDict[Box, ImageEmbedding] = OrderedDict()
        if embedding is not None:
            self._kept[0, 0, *self.plane_shape] = embedding

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(H, W) of the plane in pixels."""
        return int(self._pixels.shape[0]), int(self._pixels.shape[1])

    @cached_property
    def scale(self) -> float:
        """Frame pixels per plane pixel in the finest windows."""
        if self._scale is not None:
            return self._scale
        kept = self._kept  # what is looked at may be prompted next
        return estimate_scale(self._pixels, self._predictor, self._range, seen=kept)

    @cached_property
    def windows(self) -> PromptWindows:
        """The windows, of which each is encoded when a prompt first needs it."""
        side = window_side(self.scale, self._predictor.frame_size)
        n_closer = _N_CLOSER if self._predictor.has_proposals else 0
        return PromptWindows(self.plane_shape, side, self._overlap, n_closer)

    def answer(
        self,
        prompts: Prompts,
        *,
        multimask: bool = True,
        may_encode: bool = True,
        rough: MaskSet | None = None,
        n_clicks: int = 0,
    ) -> MaskSet:
        """Predict the masks of N prompted objects.

        Parameters
        ----------
        prompts : Prompts
            Points and boxes in plane pixels. Mask prompts are logits of the whole
            plane's frame and are answered there.
        multimask : bool
            Three alternatives per object, good for a single point; otherwise one.
        may_encode : bool
            Whether windows are encoded for the prompts. Otherwise each is answered in
            the finest window that is there, or in the frame of the whole plane.
        rough : MaskSet, optional
            A mask prompt for each of the N objects, in pixels of the plane.
        n_clicks : int, optional
            Of a single object: how many of its points, from the first, are clicks that
            each start from the logits of the mask that they correct.

        Returns
        -------
        MaskSet
            M N masks: the M alternatives of the first object, then those of the second
            …; an alternative without pixels has an empty box and scores of 0.

        Raises
        ------
        InvalidPromptError
            When a point or a whole box lies outside of the plane.
        """
        prompts = within_plane(prompts, self.plane_shape)
        # Without a proposal head each further look takes too long.
        may_look_again = self._predictor.has_proposals and rough is None
        given = Answers(prompts, self.plane_shape, may_doubt=may_look_again)
        windows = self.windows if may_encode else self._known_windows()
        asked = Question(
            prompts, multimask, rough, n_clicks if prompts.n_objects == 1 else 0
        )
        ask = partial(self._ask, windows, asked, may_encode)
        first = windows.first_levels(prompts)
        level_of = first.copy()
        seen_in: dict[int, Box] = {}
        for level in range(len(windows.sides)):
            members = np.flatnonzero(level_of == level)
            for i, alternatives, window in ask(level, members):
                seen_in.setdefault(i, window)
                if alternatives is None or given.take(i, alternatives, window):
                    level_of[i] = level + 1
        if may_look_again and self._looks_closer and given.are_points:
            go_closer = windows.look_closer(prompts, first, given.areas())
            go_closer &= given.may_gain()
            for i in np.flatnonzero(go_closer).tolist():
                shown = self._kept.get(seen_in[i])
                one = prompts.select(slice(i, i + 1))
                go_closer[i] = self._decoder.sees(one, shown, seen_in[i])
            members, closer = np.flatnonzero(go_closer), windows.n_closer - 1
            for i, alternatives, window in ask(closer, members):
                if alternatives is not None:
                    given.take_closer(i, alternatives, window)
        return given.masks()

    def _ask(
        self,
        windows: PromptWindows,
        asked: Question,
        may_encode: bool,
        level: int,
        members: npt.NDArray[np.intp],
    ) -> Iterator[tuple[int, list[Answer] | None, Box]]:
        """Yield which prompt got which alternatives in which window of a level.

        There is no answer in a window that would have to be encoded and may not.
        """
        for window, shown in windows.assign(level, asked.prompts, members):
            is_whole = self._is_whole(window)
            if not (may_encode or window in self._kept or is_whole):
                yield from ((i, None, window) for i in shown.tolist())
                continue
            embedding = self._embed(window)
            for start in range(0, len(shown), _BATCH):
                batch = shown[start : start + _BATCH]
                part = asked.select(batch)
                answers = self._decoder.answers(part, embedding, window, is_whole)
                for i, alternatives in zip(batch.tolist(), answers, strict=True):
                    yield i, alternatives, window

    def _known_windows(self) -> PromptWindows:
        """Return the windows, or the whole plane alone while its scale is unknown."""
        if "scale" in self.__dict__:
            return self.windows
        return PromptWindows(self.plane_shape, max(self.plane_shape), self._overlap)

    def _is_whole(self, window: Box) -> bool:
        return window == (0, 0, *self.plane_shape)

    def _embed(self, window: Box) -> ImageEmbedding:
        embedding = self._kept.get(window)
        if embedding is None:
            y0, x0, y1, x1 = window
            embedding = self._predictor.embed(
                self._pixels[y0:y1, x0:x1], intensity_range=self._range
            )
            self._kept[window] = embedding
            if len(self._kept) > self._n_kept:
                del self._kept[next(w for w in self._kept if not self._is_whole(w))]
        self._kept.move_to_end(window)
        return embedding
