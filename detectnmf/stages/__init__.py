"""Finished stages kept on disk, and what an unfinished one has done so far: a run that died goes on where it was."""
