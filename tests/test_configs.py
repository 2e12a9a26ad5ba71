"""Every YAML is put together, checked and built; help pages name only knobs that there are."""

import inspect
import re
from dataclasses import is_dataclass
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import OmegaConf
from samples import overrides

from detectnmf.cli import main
from detectnmf.command.parts import check_own, listing
from detectnmf.command.settings import check_knobs, check_parts, locate
from detectnmf.command.words import VERBS
from detectnmf.errors import UserError
from detectnmf.tasks.settings import KNOBS, PARTS, SHARED, plain

ROOT = Path(__file__).resolve().parent.parent / "configs"
GROUPS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
OPTIONS = sorted((path.parent.name, path.stem) for group in GROUPS for path in (ROOT / group).glob("*.yaml"))


def composed(verb, *overrides):
    with initialize_config_module("detectnmf.configs", version_base="1.3"):
        return compose(verb, overrides=list(overrides))


def groups_of(verb):
    """The groups that a verb's list of defaults names, and those of a verb that it names there."""
    entries = list(OmegaConf.load(ROOT / f"{verb}.yaml").defaults)
    own = {str(key) for entry in entries if OmegaConf.is_dict(entry) for key in entry}
    return own.union(*(groups_of(entry) for entry in entries if entry in VERBS))


CHOICES = {verb: groups_of(verb) for verb in VERBS}


def takes(verb, group, option):
    """Whether a verb has the group, and all that a preset or an experiment (a file for the whole configuration) sets."""
    file = ROOT / group / f"{option}.yaml"
    needs, parts = {group}, set()
    if "@package _global_" in file.read_text():
        content = OmegaConf.load(file)
        entries = [entry for entry in content.get("defaults", []) if OmegaConf.is_dict(entry)]
        needs |= {str(key).split("/")[-1].split("@")[0].removeprefix("override ") for entry in entries for key in entry}
        parts = set(content) - {"defaults"}
    return needs <= CHOICES[verb] and parts <= {*PARTS[verb], *KNOBS[verb]}


def targets(config, path=""):
    """(path, node) of every dict with a `_target_`."""
    if isinstance(config, dict):
        if "_target_" in config:
            yield path, config
        for key, value in config.items():
            yield from targets(value, f"{path}.{key}")


def test_each_verb_has_its_yaml_and_each_yaml_its_verb():
    assert {path.stem for path in ROOT.glob("*.yaml")} == {*VERBS, "common"}
    assert set(KNOBS) == set(PARTS) == set(VERBS)


def test_every_file_in_configs_is_found():
    """A YAML in a deeper folder, or with another ending, would escape the tests below."""
    files = {path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    known = {Path("__init__.py"), *(Path(f"{verb}.yaml") for verb in [*VERBS, "common"]), *(Path(g) / f"{o}.yaml" for g, o in OPTIONS)}
    assert files == known


def build(verb, *overrides):
    """Check and build everything in a verb's configuration."""
    config = composed(verb, *overrides)
    settings = plain(config)
    check_parts(settings)
    check_knobs({key: value for key, value in settings.items() if value != "???"}, {**SHARED, **KNOBS[verb]}, PARTS[verb], verb)
    for path, node in targets(settings):
        if not node.get("_partial_"):
            arguments = inspect.signature(locate(node["_target_"], path)).parameters
            assert set(arguments) == {key for key in node if not key.startswith("_")}, path
    for key in [key for key, value in settings.items() if isinstance(value, dict)]:
        built = instantiate(config[key], _convert_="all")
        assert callable(built) or isinstance(built, dict) or is_dataclass(built), key


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_built(verb):
    build(verb)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_part_is_built_with_exactly_its_arguments(group, option):
    users = [verb for verb in VERBS if takes(verb, group, option)]
    assert users, f"no verb takes {group}="
    build(users[0], f"{group}={option}", *overrides(group, option))


@pytest.mark.parametrize("option", sorted(option for group, option in OPTIONS if group == "seeder"))
def test_a_seeder_stands_under_its_own_name(option):
    """`seeder=[a,b]` puts several side by side, in the order given; each file says `# @package seeder.NAME`."""
    assert set(plain(composed("demo", f"seeder={option}"))["seeder"]) == {option}
    several = ["superpixels", option] if option != "superpixels" else ["superpixels", "maskrcnn"]
    assert list(plain(composed("demo", f"seeder=[{','.join(several)}]"))["seeder"]) == several


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_only_knobs_that_there_are(verb, capsys):
    with pytest.raises(SystemExit) as done:
        main([verb, "--help"])
    text = capsys.readouterr().out
    assert done.value.code == 0
    assert text.startswith(f"detectnmf {verb}")
    assert len(text.splitlines()) < 50
    config = composed(verb)
    for key in re.findall(r"(?<![\w.])([a-z_]+(?:\.[a-z_]+)*)=", text):
        assert key in ("part", "part.knob", "knob") or key in CHOICES[verb] or OmegaConf.select(config, key, default="none") != "none", key
    for group in re.findall(r"^  ([a-z]+) {2,}[\w(]", text, re.M):
        assert group in CHOICES[verb] or group not in GROUPS, group
    for group in CHOICES[verb]:
        assert re.search(rf"^  {group} ", text, re.M), f"help of {verb} leaves out {group}"


def test_the_list_of_parts_holds_the_users_own(tmp_path):
    (tmp_path / "psf").mkdir()
    (tmp_path / "psf" / "mine.yaml").touch()
    assert listing(["psf"], [ROOT, tmp_path]) == f"  psf  {', '.join(sorted(['mine', *(o for g, o in OPTIONS if g == 'psf')]))}\n"


def test_a_file_with_a_shipped_name_is_refused(tmp_path):
    """Hydra looks among the shipped ones first, and would pass it over in silence."""
    group, option = OPTIONS[0]
    (tmp_path / group).mkdir()
    (tmp_path / group / f"{option}.yaml").touch()
    with pytest.raises(UserError, match="give it another name"):
        check_own(tmp_path)
