"""Trained networks without torch: one frame at a time, in NumPy, and filters in the kernels that training uses too.

A file per network holds its parameters and what it does to a frame; the classes in `deep/` of the same name learn the
weights. Arrays are [N, channels, bands or bins]: no product needs a transpose. Half of torch's time for one frame is the
start of some 200 small operations; here there are as many, but they start in a tenth of the time.
"""
