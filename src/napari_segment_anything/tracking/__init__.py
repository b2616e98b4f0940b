"""Masks through time: linking, repair by re-prompting, lineage."""
