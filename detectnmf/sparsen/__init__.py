"""Sparsening: deconvolve in time and re-project, so that in each frame only few cells are lit."""
