"""Demixing: localNMF on the compressed movie (maskNMF, appendix B to H)."""
