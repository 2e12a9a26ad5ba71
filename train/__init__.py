"""From a simulator to a checkpoint: of the detector, or of the seed classifier.

Map: `ranges` draws a different simulator for every movie, `kinds` one of several microscopes, `like` ranges about one; `examples` turns a
movie into crops with labels, by the very code that a run uses; `stream` makes them in the background, `mixing` draws
batches by seed and number alone; `output` is where it all goes, unfinished or not; `learner` the Lightning module;
`progress` scores, draws and saves on the way; `score` counts hits, `pictures` shows them, `card` tells; `training` puts all together.

Of the seed classifier: `sheets` are traces of cells and of what is none, under `nuisances`, or a user's own (`labelled`); `sequences` are
windows cut from them; `recurrent` the Lightning module; `verdicts` judges and calibrates; `classifier` puts them together, and
`classifier_card`, `classifier_picture` tell of it.
"""
