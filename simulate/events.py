"""The events of a simulated movie, each alone and without noise: what a perfect run would list."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from detectnmf.event_table import Described, EventTable, describe, tabulate
from detectnmf.simulate.movie import Movie
from detectnmf.simulate.scene import Scene


def true_events(scene: Scene, movie: Movie, noise: np.ndarray) -> EventTable:
    """Each time that a site departs from rest and comes back, measured as found events are.

    Args:
        noise: (Y, X) standard deviation at the mean light, counts. `evidence` is the event's strength in its own matched filter.
    """
    source, index = movie.sources, movie.acquired.index
    pixels = scene.pixels
    light = source.static[pixels]
    noise = np.asarray(noise, float).ravel() / np.maximum(movie.camera.gain * movie.light * movie.profile.ravel() * light, 1e-12)
    relative = sparse.csc_array(sparse.diags_array(1 / np.maximum(light, 1e-12)) @ sparse.csr_array(source.footprints)[pixels])
    courses = source.traces[:, index] / source.drift[index]
    found: list[tuple[Described, tuple[int, int], int, float]] = []
    for site in range(len(scene)):
        parts = np.flatnonzero(source.owner == site)
        images = relative[:, parts]
        seen = np.unique(images.indices)
        if not len(seen):
            continue
        rows, columns = np.divmod(seen, scene.size[1])
        corner = int(rows.min()), int(columns.min())
        window = np.zeros((rows.max() - corner[0] + 1, columns.max() - corner[1] + 1), bool)
        window[rows - corner[0], columns - corner[1]] = True
        dense = images[seen].toarray()
        for start, stop in departures(scene.activity.traces[site, index], courses[parts]):
            film = np.zeros((stop - start, *window.shape), np.float32)
            film[:, rows - corner[0], columns - corner[1]] = (dense @ courses[parts, start:stop]).T
            one = describe(film, np.abs(film).max(axis=0), scene.rate, scene.pixel_size, (start == 0, stop == len(index)))
            if one is None:
                continue
            one.values["onset"], one.values["peak"] = (one.values[name] + start / scene.rate for name in ("onset", "peak"))
            sure = np.sqrt(np.square(film[:, rows - corner[0], columns - corner[1]] / noise[seen]).sum())
            found.append((one, corner, start, float(sure)))
    return tabulate(found, scene.size)


def departures(own: np.ndarray, parts: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame (past the end) of each event: from where a site leaves rest until its parts are all back.

    Args:
        own: (T,) the site's own course. parts: (S, T) what its parts show, some of them late.
    """
    away = np.concatenate([[False], own != 0, [False]])
    starts = np.flatnonzero(away[1:] & ~away[:-1])
    lit = (parts != 0).any(axis=0)
    events = []
    for start, limit in zip(starts, [*starts, len(own)][1:], strict=True):
        busy = np.flatnonzero(lit[start:limit])
        if len(busy):
            events.append((int(start), int(start + busy[-1] + 1)))
    return events
