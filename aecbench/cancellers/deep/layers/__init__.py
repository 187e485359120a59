"""Adaptive filters as differentiable layers: torch outside, kernels inside."""
