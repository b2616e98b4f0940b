"""Dock widgets: forms and layers."""
