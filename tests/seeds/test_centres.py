"""Centres by local maxima, and given ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from toys import toy

from detectnmf.background.none import NoBackground
from detectnmf.compress.whole import Whole
from detectnmf.demix.fast import FastHALS
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.seeds.centres import Centres, filter_noise, narrow
from detectnmf.sparse import SparseMatrix

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="module")
def made():
    return toy(size=(56, 60), frames=500, cells=7, diameter=10.0, background=1.0, seed=10)


def found(made, centres):
    return centres(made.movie, Model.nothing(made.movie), 10.0, RUNTIME)


def peaks(seeds):
    return np.array([np.unravel_index(image.argmax(), image.shape) for image in seeds.images()])


def test_every_cell_has_a_centre_and_nothing_else_does(made):
    distance = cdist(made.truth.centers, peaks(found(made, Centres())))
    assert distance.shape[1] == 7 and (distance.min(axis=1) < 2).all()


def test_what_a_model_explains_has_no_centre():
    made = toy(size=(56, 60), frames=500, cells=7, diameter=10.0, seed=10)
    seeds = found(made, Centres())
    nearest = cdist(made.truth.centers, peaks(seeds)).argmin(axis=1)
    model = FastHALS()(made.movie, Model.nothing(made.movie), seeds[nearest[:4]], 10.0, RUNTIME, NoBackground()).model
    left = Centres()(made.movie, model, 10.0, RUNTIME)
    assert len(left) == 3 and (cdist(made.truth.centers[4:], peaks(left)).min(axis=1) < 2).all()


def test_noise_that_was_kept_has_no_centres():
    noise = np.random.default_rng(0).normal(100, 5, (1500, 40, 44)).astype(np.float32)
    movie = Whole()(Recording(noise), RUNTIME)
    assert len(Centres()(movie, Model.nothing(movie), 10.0, RUNTIME)) == 0


def test_the_filters_noise_is_that_of_filtered_noise():
    noise = np.random.default_rng(0).standard_normal((30, 34, 4000))
    assert np.allclose(narrow(noise, 6.0).std(axis=2), filter_noise((30, 34), 6.0), rtol=0.06)


@pytest.mark.parametrize("text", ["row,column\n10,12.5\n30, 40\n", "# mine\n10 12.5\n30 40\n", "10\t12.5\n\n30\t40"])
def test_given_centres(made, tmp_path, text):
    file = tmp_path / "centres.csv"
    file.write_text(text)
    seeds = found(made, Centres(str(file), patch_diameters=1.2))
    assert len(seeds) == 2
    assert seeds.centers[1].tolist() == pytest.approx([30, 40], abs=0.05)
    assert seeds.footprints[:, [1]].nnz == 13 * 13
    y, x = np.nonzero(seeds.image(0))
    assert (y.min(), y.max(), x.min(), x.max()) == (4, 16, 6, 18)
    assert len(Centres(str(file))(made.movie, _one_cell(made), 10.0, RUNTIME)) == 0, "given centres are all there are"
    np.save(tmp_path / "centres.npy", [[10, 12.5], [30, 40]])
    again = found(made, Centres(str(tmp_path / "centres.npy"), patch_diameters=1.2))
    assert (again.footprints != seeds.footprints).nnz == 0


def _one_cell(made):
    nothing = Model.nothing(made.movie)
    return Model(SparseMatrix(made.truth[:1].footprints), torch.ones(1, 500), nothing.b, nothing.B, torch.ones(1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no centres"),
        ("row column\n", "holds no centres"),
        ("1 2 3\n", r"must be \(n, 2\)"),
        ("1 2\n3\n", "not a list of centres"),
        ("1 nan\n", "finite"),
        ("10 12\n80 10\n", r"centre 2 of 2 at row 80, column 10 is outside of 56 x 60 px; rows first"),
    ],
)
def test_mistakes_in_given_centres(made, tmp_path, text, words):
    file = tmp_path / "centres.csv"
    file.write_text(text)
    with pytest.raises(UserError, match=words):
        found(made, Centres(str(file)))


def test_a_file_that_is_not_there_is_said_before_the_movie_is_read():
    with pytest.raises(UserError, match=r"nowhere\.csv: there is no such file"):
        Centres("nowhere.csv")
