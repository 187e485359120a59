"""The simulator: a specification, scenes drawn from it, and their audio."""
