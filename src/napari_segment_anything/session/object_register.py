"""Which objects there are, where they lie, and the next free id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.session.extents import Extents
from napari_segment_anything.session.objects import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_segment_anything.session.history import Change
    from napari_segment_anything.session.objects import AcceptedObject, ObjectKey
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.session.planes import PlaneId


class ObjectRegister:
    """Objects by id and plane, and the next id that nobody uses.

    Attributes
    ----------
    extents : Extents
        Where each of them can have pixels.
    """

    def __init__(self) -> None:
        self.extents = Extents()
        self._objects: dict[ObjectKey, AcceptedObject] = {}
        self._next_id = 1

    def __len__(self) -> int:
        return len({object_id for object_id, _ in self._objects})

    def __contains__(self, object_id: int) -> bool:
        return any(object_id == known for known, _ in self._objects)

    def get(self, object_id: int | None, plane: PlaneId) -> AcceptedObject | None:
        """Return an object on a plane, None when nothing is known of it there."""
        return None if object_id is None else self._objects.get((object_id, plane))

    def slices_of(self, object_id: int) -> list[AcceptedObject]:
        """Return an object on each of its planes."""
        return [known for known in self.in_order() if known.object_id == object_id]

    def on(self, plane: PlaneId) -> list[AcceptedObject]:
        """Return the objects of a plane in the order of their ids."""
        return [known for known in self.in_order() if known.plane == plane]

    def doubtful(self, plane: PlaneId | None) -> list[AcceptedObject]:
        """Return what nobody has looked at, first of a plane, most doubtful first."""
        unseen = [o for o in self._objects.values() if o.verdict == Verdict.UNSEEN]
        return sorted(unseen, key=lambda o: (o.plane != plane, -o.doubt, o.object_id))

    def in_order(self) -> list[AcceptedObject]:
        """Return all objects, plane by plane, in the order of their ids."""
        return sorted(
            self._objects.values(),
            key=lambda known: (
                known.plane.plane_axes,
                known.plane.index,
                known.object_id,
            ),
        )

    @property
    def next_id(self) -> int:
        """Smallest id above all that were ever used."""
        return self._next_id

    def continue_from(self, next_id: int) -> None:
        """Hand out this id next, whichever were used before."""
        self._next_id = next_id

    def change(self, changes: Mapping[ObjectKey, Change]) -> None:
        """Take over what a step changed; ids that were handed out stay used."""
        for key, (_, new) in changes.items():
            if new is None:
                self._objects.pop(key, None)
            else:
                self._objects[key] = new
                self.extents.include(*key, new.box)
            self.reserve(key[0])

    def reserve(self, used_id: int) -> None:
        """Never hand out this id or a smaller one: someone painted with it."""
        self._next_id = max(self._next_id, int(used_id) + 1)

    def note_painted(self, edit: PixelEdit, axes: str, plane: PlaneId) -> None:
        """Remember where somebody painted by hand, and with which ids.

        Parameters
        ----------
        edit : PixelEdit
            What was painted.
        axes : str
            One letter per dimension of the labels.
        plane : PlaneId
            The plane that was shown.
        """
        self.reserve(int(edit.after.max(initial=0)))
        self.extents.include_edit(edit, axes, plane)
