"""Seeders: each finds cells in what is not yet explained."""
