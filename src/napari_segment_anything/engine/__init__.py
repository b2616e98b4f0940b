"""One image: arrays in, masks out; stateless, without threads or files."""
