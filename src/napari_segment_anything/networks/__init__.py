"""The networks of Segment Anything: tensors in, tensors out."""
