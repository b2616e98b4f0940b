"""Annotators rest while no dock is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_segment_anything.widgets.annotator import Annotator


class Rest:
    """Lets an annotator answer nothing until it ends; it still notes what is drawn.

    What was accepted before its mask was there becomes an object all the same.

    Parameters
    ----------
    annotator : Annotator
        The annotator.
    """

    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator
        annotator.asker.is_resting = True
        annotator.watch.stop()
        annotator.hover.is_on = False
        annotator.asker.forget()
        # A click that nothing answers draws no point either.
        layers = annotator.layers.prompts.layers
        self._modes = [str(layer.mode) for layer in layers]
        for layer in layers:
            layer.mode = "pan_zoom"
        annotator.ask()

    def end(self) -> None:
        """Answer again, also what was drawn meanwhile.

        Clicks draw as before, unless somebody has chosen another tool by now.
        """
        annotator = self.annotator
        annotator.asker.is_resting = False
        for layer, mode in zip(
            annotator.layers.prompts.layers, self._modes, strict=True
        ):
            if layer.mode == "pan_zoom":
                layer.mode = mode
        annotator.watch.start()
        if annotator.layers.are_shown:
            annotator.ask()
