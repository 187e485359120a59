"""A package with one entry of every kind."""
