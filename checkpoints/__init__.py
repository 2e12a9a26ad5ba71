"""Trained weights: NAME.safetensors and its card NAME.md."""
