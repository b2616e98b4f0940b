"""The recipe of the bundled model `nano`."""
