"""Compiled functions that several adaptive filters share. They import nothing else from `cancellers/`.

A kernel receives signals, a state and settings, the last two as named tuples. It works on one signal, or on all signals
of a flat batch, and writes only to its output and to the state that it receives.
"""
