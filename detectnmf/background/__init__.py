"""Backgrounds: the ring model, a few smooth images over the field, one image, or none."""
