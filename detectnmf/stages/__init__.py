"""Finished stages kept on disk, and what an unfinished one has done so far: a run that died goes on where it was.

Map: `keep` does each stage once, `identity` says what its outcome depends on, `records` writes down how far an unfinished one is (what a
stage sees of that is `detectnmf.partial`), `pack` puts the nouns on disk and takes them back, every bit as it was.
"""
