"""The folders at the top of the tree are installed inside the package: simulate/ as detectnmf.simulate, and so on."""

from setuptools import find_packages, setup

INSIDE = ("simulate", "train", "configs", "checkpoints")
FILES = ["py.typed", "**/*.yaml", "**/*.json", "**/*.html", "**/*.safetensors", "**/*.md", "**/*.png"]

packages = find_packages(include=["detectnmf", "detectnmf.*"])
places = {"detectnmf": "detectnmf"}
for folder in INSIDE:
    places[f"detectnmf.{folder}"] = folder
    packages += [f"detectnmf.{folder}"] + [f"detectnmf.{folder}.{name}" for name in find_packages(folder)]

setup(packages=packages, package_dir=places, package_data={"detectnmf": FILES, **{f"detectnmf.{folder}": FILES for folder in INSIDE}})
