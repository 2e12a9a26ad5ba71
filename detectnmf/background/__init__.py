"""Backgrounds: the ring model, or none."""
