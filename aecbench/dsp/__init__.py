"""Signal processing for scenes, cancellers and metrics. Arrays are [..., T]."""
