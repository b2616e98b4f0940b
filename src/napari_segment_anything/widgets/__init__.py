"""Dock widgets: forms and layers.

Thin by intent: what to do is decided in `session`, what takes time runs in `workers`.
"""
