"""Segment Anything for n-dimensional microscopy in napari."""
