"""The interactive state of one viewer, without a window.

A `Session` knows the model, the image, which request is the latest and what was
accepted. It never reads, encodes or decodes by itself: it makes frozen requests that a
worker answers with the pure functions of `requests`.
"""
