"""Signal processing that scenes, cancellers and metrics share. Arrays are [..., T]."""
