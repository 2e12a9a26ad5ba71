"""The report card: one self-contained page about one result.

Map: `images` pictures of the movie in one pass over time, `outlines` the field of view with contours (SVG), `figures` all other
drawings, `encode` drawings as text, `template` the look, `sections` the contents, `page` puts them together and writes the file.
"""

from detectnmf.report.page import write_report

__all__ = ["write_report"]
