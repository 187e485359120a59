"""The losses that networks are trained to minimise."""
