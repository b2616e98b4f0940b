"""Where the table of tracks lies: beside the labels."""

from pathlib import Path


def table_beside(output: Path) -> Path:
    """Return the path of the table; not inside of an image that labels are added to."""
    from napari_segment_anything.storage.label_group import split_label_path

    image, name = split_label_path(output)
    if name is not None:
        return image.with_name(f"{image.stem}-{output.name}.csv")
    return output.with_suffix(".csv")


def lineage_beside(tracks: str) -> Path | None:
    """Find the table of tracks beside label images, which say nothing of parents.

    Parameters
    ----------
    tracks : str
        Label images; a folder of the Cell Tracking Challenge has its own lineage.
    """
    from napari_segment_anything.storage.ctc import is_ctc
    from napari_segment_anything.storage.label_group import split_label_path
    from napari_segment_anything.storage.label_layout import LabelLayout
    from napari_segment_anything.storage.tables import columns_of

    place = Path(tracks)
    if "://" in tracks or not place.name or is_ctc(place):
        return None
    image, name = split_label_path(place)
    tables = [table_beside(place)]
    if name == LabelLayout.name:
        tables.append(table_beside(image))
    wanted = {"track_id", "parent_id"}
    return next((table for table in tables if columns_of(table) >= wanted), None)
