"""Compiled functions that several adaptive filters share. They import nothing of the rest of `cancellers/`.

A kernel gets signals, a state and settings, the last two as named tuples. It works on one signal, or on all signals in
rows, and writes only into its output and into the state that it gets.
"""
