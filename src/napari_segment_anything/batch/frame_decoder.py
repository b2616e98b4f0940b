"""Answers prompts on the frames of a stack, for the repair of tracks."""

from collections.abc import Sequence
from dataclasses import replace

from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.plane_predictor import PlanePredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.searched_plane import SearchedPlane
from napari_segment_anything.stacks.stack import Stack


class FrameDecoder:
    """Reads, encodes (or finds in the store) and decodes one frame at a time.

    A plane that everything mode searches in tiles is prompted in the same tiles, whose
    embeddings the store therefore has.

    Parameters
    ----------
    stack : Stack
        The movie.
    indices : sequence of tuple of int
        Index in the stack of each frame.
    predictor : StoredPredictor
        Its stopwatch counts the seconds.
    settings : AutomaticSettings
        Those of everything mode; say whether there are tiles.
    intensity_range : tuple of float
        Of the whole stack.
    """

    def __init__(
        self,
        stack: Stack,
        indices: Sequence[tuple[int, ...]],
        predictor: StoredPredictor,
        settings: AutomaticSettings,
        intensity_range: tuple[float, float],
    ) -> None:
        self._stack = stack
        self._indices = indices
        self._predictor = predictor
        self._settings = settings
        self._intensity_range = intensity_range
        self._watch = predictor.watch
        self._current: tuple[int, PlanePredictor] | None = None

    def predict(
        self, frame: int, prompts: Prompts, *, multimask: bool = True
    ) -> MaskSet:
        """Decode the prompts of N objects on one frame.

        Parameters
        ----------
        frame : int
            Which one.
        prompts : Prompts
            Of N objects; mask prompts are left out.
        multimask : bool
            Three alternatives per object; otherwise one.

        Returns
        -------
        MaskSet
            3 N masks: the three alternatives of the first object, then those of the
            second …; an alternative without pixels has an empty box and scores of 0.
        """
        plane = self._plane(frame)
        # A mask prompt is given in a frame of its own; points and boxes say enough.
        prompts = replace(prompts, masks=None)
        with self._watch.timing("decoding"):
            return plane.answer(prompts, multimask=multimask)

    def _plane(self, frame: int) -> PlanePredictor:
        if self._current is not None and self._current[0] == frame:
            return self._current[1]
        with self._watch.timing("reading"):
            pixels = self._stack.read(self._indices[frame])
        searched = SearchedPlane.create(pixels, None, self._intensity_range)
        side = max(self._stack.plane_shape)
        whole = self._predictor.frame_size / side
        # Answers are compared with the masks that they would replace.
        settings = self._settings
        weight = settings.proposal_weight if settings.use_proposals else 0.0
        plane = PlanePredictor(
            self._predictor,
            pixels,
            intensity_range=self._intensity_range,
            scale=searched.scale(self._predictor, self._settings) or whole,
            overlap=self._settings.tile_overlap,
            proposal_weight=weight,
            # Windows about each of many objects would take longer than the rest.
            looks_closer=False,
        )
        self._current = frame, plane
        return plane
