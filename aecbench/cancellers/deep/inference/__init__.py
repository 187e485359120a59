"""Trained networks without torch: one frame at a time, in NumPy, and filters in the kernels that training uses too.

A file per network holds its parameters and what it does to a frame; the classes in `deep/` of the same name learn the
weights. Arrays are [N, channels, bands or bins], so that no product needs a transpose. A frame is some 200 small
operations, and torch takes most of its time for starting them.
"""
