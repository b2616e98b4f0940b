"""Does steps in the layers of one image, and undoes them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_segment_anything.session.commits import Canvas
from napari_segment_anything.session.history import Step
from napari_segment_anything.session.reopening import less

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_segment_anything.session.commits import Commit
    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers


class Steps:
    """Applies steps to prompts and labels and lets the session remember them.

    Parameters
    ----------
    layers : AnnotationLayers
        What is changed.
    session : Session
        Remembers it.

    Attributes
    ----------
    content : Drawing
        Prompts as they were after the last step.
    is_own_change : bool
        Whether prompts change now because of a step, not by the user.
    """

    def __init__(self, layers: AnnotationLayers, session: Session) -> None:
        self._layers = layers
        self._session = session
        self.content: Drawing = layers.prompts.content
        self.is_own_change = False

    def do(
        self,
        title: str,
        plane: PlaneId,
        content: Drawing,
        commit: Commit | None = None,
        reopened: Mapping[PlaneId, tuple[int | None, int | None]] | None = None,
        *,
        is_brief: bool = False,
    ) -> None:
        """Change pixels and prompts as one step.

        With ``is_brief`` what is drawn on the plane is no part of it: undone or done
        again, nothing is drawn there.
        """
        drawn = (self.content, content)
        if is_brief:
            drawn = (content.without(plane, self._layers.axes),) * 2
        if commit is not None:
            self._layers.add(self._layers.results.layer)
            self._layers.results.apply(commit.pixels)
        self._session.do(
            Step(
                title,
                plane,
                drawn,
                commit.pixels if commit is not None else None,
                commit.objects if commit is not None else {},
                reopened or {},
                commit.filters if commit is not None else {},
                commit.action if commit is not None else None,
            )
        )
        self._show(content)

    def pass_over(self, content: Drawing) -> None:
        """Change prompts without a step."""
        self._show(content)

    def undo(self) -> Step | None:
        """Take the newest step back."""
        return self._apply(self._session.undo())

    def redo(self) -> Step | None:
        """Do the step again that was undone last."""
        return self._apply(self._session.redo())

    def content_less(self, plane: PlaneId, drawing: Drawing) -> Drawing:
        """Return all prompts but those of a drawing on a plane, if they are there."""
        axes = self._layers.axes
        rest = less(self.content.on(plane, axes), drawing)
        if rest is None:
            return self.content
        return self.content.without(plane, axes).joined(rest.lifted(plane, axes))

    def canvas(self, plane: PlaneId) -> Canvas:
        """Return where objects of a plane are put."""
        results = self._layers.results
        return Canvas(
            plane,
            self._layers.axes,
            self._session.source.plane_shape(plane),
            lambda slices: results.read(plane, slices),
            self._session.objects,
        )

    def _apply(self, step: Step | None) -> Step | None:
        if step is None:
            return None
        if step.pixels is not None:
            self._layers.add(self._layers.results.layer)
            self._layers.results.apply(step.pixels)
        self._layers.go_to(step.plane)
        self._show(step.drawn[1])
        return step

    def _show(self, content: Drawing) -> None:
        self.content = content
        if not self._layers.prompts.content.equals(content):
            with self._own_change():
                self._layers.prompts.restore(content)

    @contextmanager
    def _own_change(self) -> Iterator[None]:
        self.is_own_change = True
        try:
            yield
        finally:
            self.is_own_change = False
