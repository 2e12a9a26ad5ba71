"""Words of a command line become what Hydra reads, whatever is in a file's name."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from detectnmf.command.parts import own_folders
from detectnmf.command.words import arrange, quote, split, verb_of
from detectnmf.errors import UserError


def read_back(override):
    """The value as a job sees it: through Hydra's grammar and OmegaConf's interpolation."""
    parsed = OverridesParser.create().parse_override(override)
    return OmegaConf.to_container(OmegaConf.create({"value": parsed.value()}), resolve=True)["value"]


@given(st.text(st.sampled_from("\\'\"${}a ,=()[]:~")) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@example("my movie (1), run=2.tif")
@example("it's.tif")
@example("a\\'b\\")
@example("${seed}/\\${x}.tif")
@example("C:\\data\\movie.tif")
@example("\\\\${HOME}\\")
@example("null")
@example("12")
@example("[a].tif")
@example("µm~#&;|<>!.tif")
def test_any_name_is_read_literally(name):
    assert read_back(f"input={quote(name)}") == name


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a.tif"], ["input='a.tif'"]),
        (["a.tif", "rate=30"], ["rate=30", "input='a.tif'"]),
        (["rate=30", "--cfg", "job", "a.tif"], ["--cfg", "job", "rate=30", "input='a.tif'"]),
        (["--config-dir", "mine", "a.tif"], ["--config-dir", "mine", "input='a.tif'"]),
        (["-cd", "mine", "-c", "job", "a.tif"], ["-cd", "mine", "-c", "job", "input='a.tif'"]),
        (["--config-dir=mine", "a.tif"], ["--config-dir=mine", "input='a.tif'"]),
        (["--info", "plugins"], ["--info", "plugins"]),
        (["--info", "a.tif"], ["--info", "input='a.tif'"]),
        (["~preset", "a.tif"], ["~preset", "input='a.tif'"]),
        (["~/a.tif"], ["input='~/a.tif'"]),
        (["movies/"], ["input='movies/'"]),
        (["a_*.tif"], ["input='a_*.tif'"]),
        (["--", "-odd.tif"], ["input='-odd.tif'"]),
        (["diameter=12µm", "a.tif"], ["diameter='12µm'", "input='a.tif'"]),
        (["out=run (2)", "a.tif"], ["out='run (2)'", "input='a.tif'"]),
    ],
)
def test_bare_words_are_files_and_the_rest_stays(words, expected):
    assert arrange("run", words) == expected


def test_own_folders_in_every_spelling():
    for words in (["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "mine"]):
        assert own_folders(arrange("run", ["a.tif", *words, "psf=dot"])) == [Path("mine")]


def test_a_sweep_takes_several_files_and_names_jobs_by_what_is_swept():
    words = arrange("run", ["-m", "a, b.tif", "c.tif", "demix.seed=0,1", "device=cpu"])
    assert words[:-1] == ["-m", "demix.seed=0,1", "device=cpu", "input='a, b.tif','c.tif'"]
    assert words[-1] == "hydra.job.config.override_dirname.exclude_keys=[device,input,out]"
    sweep = OverridesParser.create().parse_override(words[3])
    assert [read_back(f"input={value}") for value in sweep.sweep_string_iterator()] == ["a, b.tif", "c.tif"]


def test_other_verbs_have_their_own_words():
    assert arrange("evaluate", ["r.h5", "t.h5"]) == ["result='r.h5'", "truth='t.h5'"]
    assert arrange("simulate", ["o.tif", "seed=1"]) == ["seed=1", "out='o.tif'"]


@pytest.mark.parametrize(
    ("words", "verb", "rest"),
    [
        (["simulate", "gallery"], "gallery", []),
        (["simulate", "gallery", "psf=bessel"], "gallery", ["psf=bessel"]),
        (["simulate", "psf=bessel", "gallery", "folder"], "gallery", ["psf=bessel", "--", "folder"]),
        (["simulate", "--config-dir", "gallery", "gallery"], "gallery", ["--config-dir", "gallery"]),
        (["simulate", "gallery", "--help"], "gallery", ["--help"]),
        (["gallery", "folder"], "gallery", ["folder"]),
        (["simulate", "./gallery"], "simulate", ["./gallery"]),
        (["simulate", "a.tif", "gallery"], "simulate", ["a.tif", "gallery"]),
        (["simulate", "out.tif", "--config-dir", "gallery"], "simulate", ["out.tif", "--config-dir", "gallery"]),
        (["run", "gallery"], "run", ["gallery"]),
    ],
)
def test_two_words_may_be_one_verb(words, verb, rest):
    assert verb_of(words) == (verb, rest)


def test_words_of_the_gallery_are_its_folder():
    assert arrange(*verb_of(["simulate", "gallery"])) == []
    assert arrange(*verb_of(["simulate", "seed=1", "gallery", "my folder"])) == ["seed=1", "out='my folder'"]
    with pytest.raises(UserError, match=r"too many files: b; it is detectnmf simulate gallery \[OUT\]"):
        arrange(*verb_of(["simulate", "gallery", "a", "b"]))


def test_a_name_with_an_equals_sign_is_a_file_if_there_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert split(["z=3.tif"])[1:] == (["z=3.tif"], [])
    (tmp_path / "z=3.tif").touch()
    assert split(["z=3.tif"])[1:] == ([], ["z=3.tif"])
    assert split(["z=*.tif"])[1:] == ([], ["z=*.tif"])


@pytest.mark.parametrize(
    ("verb", "words", "says"),
    [
        ("run", ["a.tif", "b.tif"], "2 movies: add -m"),
        ("run", ["a.tif", "input=b.tif"], "input is given twice"),
        ("evaluate", ["a", "b", "c"], "too many files: c; it is detectnmf evaluate RESULT TRUTH"),
        ("simulate", ["-m", "a.tif", "b.tif"], "too many files: b.tif"),
        ("run", ["a.tif", "--rate=30"], "unknown option --rate; knobs are written rate=30"),
        ("run", ["a.tif", "--mutlirun"], "did you mean `--multirun`?"),
    ],
)
def test_mistakes_in_words(verb, words, says):
    with pytest.raises(UserError) as error:
        arrange(verb, words)
    assert says in str(error.value)
