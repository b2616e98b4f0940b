"""Segment Anything for n-dimensional microscopy in napari.

The public names below are loaded on first use: ``import napari_segment_anything``
alone loads neither torch, zarr, napari nor Qt.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
