"""From a simulator to a detector checkpoint.

Map: `ranges` draws a different simulator for every movie; `examples` turns a movie into crops with labels, by the very code that
a run uses; `stream` makes them in the background; `learner` the Lightning module; `score` counts hits; `training` puts them together.
"""
