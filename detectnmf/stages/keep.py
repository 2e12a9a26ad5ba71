"""`Stages`: each finished stage in a folder of its own, by which the next run knows what need not be done again."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from detectnmf import memory
from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing, replacing_folder
from detectnmf.memory import GIB
from detectnmf.runtime import Runtime
from detectnmf.stages.identity import brief, code, describe, digest
from detectnmf.stages.pack import pack, unpack
from detectnmf.stages.records import Records, remove_unfinished

logger = logging.getLogger(__name__)

T = TypeVar("T")
MANIFEST = "manifest.json"
MEMORY = "max_memory.txt"  # GiB
HALVINGS = 4  # of the memory budget, before a run that does not fit gives up
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError)


class Stages:
    """Does each stage once: `stages(name, work, runtime, parts)` works, or gives what an earlier run kept of the very same work.

    A stage's folder is `NAME-KEY`; its key is a hash of what the recording is, of this stage's parts and all earlier ones' with their
    settings, and of the code. It appears whole or not at all, and is never changed afterwards. A stage for which memory gives out is done
    again, from its last record, in half of the budget, which then holds for all that follow.

    Args:
        folder: for the stages; None keeps nothing.
        about: what the recording is and whatever else the first stage depends on, as plain values.
        elsewhere: folders of other runs, whose stages are as good.
        fresh: do everything again.
        every: seconds of work after which an unfinished stage writes down how far it is.
    """

    def __init__(
        self,
        folder: Path | None = None,
        about: Mapping[str, Any] | None = None,
        elsewhere: Sequence[Path] = (),
        fresh: bool = False,
        every: float = 30.0,
    ) -> None:
        self.folder, self.elsewhere, self.fresh, self.every = folder, elsewhere, fresh, every
        self.about: dict[str, Any] = dict(about or {})
        self.seconds: dict[str, float] = {}  # spent in each named stage, when it was done
        self._key = digest([self.about, code()])
        self._explained = False
        self._halvings = 0
        if folder is not None:
            remove_unfinished(folder)

    def fixed(self, runtime: Runtime) -> Runtime:
        """The runtime with the memory budget of this folder's first run, as far as it is free: equal batches, so equal rounding."""
        if self.folder is None or runtime.max_memory is not None:
            return runtime.fixed()
        now, file = runtime.fixed(), self.folder / MEMORY
        with suppress(OSError, ValueError):
            return replace(runtime, max_memory=min(float(file.read_text(encoding="utf-8")), 2 * runtime.budget / GIB))
        with suppress(UserError), replacing(file) as part:  # a full disk is said when a stage cannot be written
            part.write_text(repr(now.max_memory), encoding="utf-8")
        return now

    def __call__(self, name: str, work: Callable[[Runtime], T], runtime: Runtime, **parts: Any) -> T:
        """The outcome of `work`, which gets a runtime in which it may keep how far it is.

        Args:
            name: of the stage; may come again, with what it then depends on.
            parts: all that the outcome depends on besides the earlier stages, by name.
        """
        if self.folder is None:
            start = time.perf_counter()
            value = self._work(name, work, runtime)
            self._count(name, seconds := time.perf_counter() - start)
            logger.info("%s: %.1f s", name, seconds)
            return value
        settings = {"stage": name, "parts": describe(parts)}
        self._key = digest([self._key, settings])
        file = f"{name.replace(': ', '-')}-{self._key[:12]}"
        partial = self.folder / f"{file}.partial"
        if not self.fresh:
            kept = self._find(file, runtime)
            if kept is not None:
                shutil.rmtree(partial, ignore_errors=True)  # of a run that died before it could
                value, seconds, where = kept
                self._count(name, seconds)
                logger.info("%s: kept from %s, nothing that it depends on has changed", name, where)
                return value
            self._explain(name, settings)
        else:
            shutil.rmtree(partial, ignore_errors=True)
        start = time.perf_counter()
        value = self._work(name, work, runtime, partial)
        self._count(name, seconds := time.perf_counter() - start)
        logger.info("%s: %.1f s", name, seconds)
        self._keep(self.folder / file, value, settings, seconds)
        shutil.rmtree(partial, ignore_errors=True)
        runtime.tidy()
        return value

    def _work(self, name: str, work: Callable[[Runtime], T], runtime: Runtime, partial: Path | None = None) -> T:
        """What `work` gives, in as much memory as there turns out to be.

        Args:
            partial: folder for the stage's records; None keeps none.
        """
        while True:
            within = runtime if not self._halvings else replace(runtime, max_memory=runtime.budget / 2**self._halvings / GIB)
            if partial is not None:
                within = replace(within, partial=Records(partial, self.every, runtime.torch_device))
            try:
                return work(within)
            except (RuntimeError, MemoryError, OSError) as error:
                if self._halvings == HALVINGS or not memory.out_of_memory(error):
                    raise
            memory.release()  # not within the except clause, where the error still holds what the work held
            if not self._halvings:
                logger.warning("note: out of memory in %s; going on with half of the memory budget (max_memory= sets it)", name)
            self._halvings += 1

    def _count(self, name: str, seconds: float) -> None:
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 3)

    def _find(self, file: str, runtime: Runtime) -> tuple[Any, float, Path] | None:
        """What was kept under this name, how long it took, and in which run's folder it is."""
        for place in (self.folder, *self.elsewhere):
            if place is None or not (place / file / MANIFEST).is_file():
                continue
            try:
                manifest = json.loads((place / file / MANIFEST).read_text(encoding="utf-8"))
                return unpack(place / file, runtime.torch_device), float(manifest["seconds"]), place.parent
            except DAMAGED as error:
                logger.warning("note: %s is damaged (%s) and is done again", place / file, type(error).__name__)
        return None

    def _keep(self, path: Path, value: Any, settings: dict[str, Any], seconds: float) -> None:
        """Write a stage; a disk that is full costs the stage's record, not the run."""
        manifest = {"seconds": round(seconds, 3), "about": self.about, "code": code(), **settings}
        try:
            with replacing_folder(path, lambda _: None) as part:
                part.mkdir()
                pack(value, part)
                (part / MANIFEST).write_text(json.dumps(manifest, indent=1, default=str), encoding="utf-8")
        except (UserError, TypeError) as error:
            logger.warning("note: %s; the run goes on, but this stage would be done again after an interruption", error)

    def _explain(self, name: str, settings: dict[str, Any]) -> None:
        """Say, once, why a stage that was kept before is done again."""
        if self._explained or self.folder is None:
            return
        earlier = [path for place in (self.folder, *self.elsewhere) for path in place.glob(f"*/{MANIFEST}")]
        for path in sorted(earlier, key=lambda path: path.stat().st_mtime, reverse=True):
            try:
                manifest = json.loads(path.read_text(encoding="utf-8"))
            except DAMAGED:
                continue
            if manifest.get("stage") != name:
                continue
            before = flat({"movie": manifest["about"], "": manifest["parts"], "code": manifest["code"]})
            now = flat({"movie": self.about, "": json.loads(json.dumps(settings["parts"], default=str)), "code": code()})
            differ = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
            changes = [f"{key} {brief(before.get(key))} -> {brief(now.get(key))}" for key in differ]
            if changes:
                self._explained = True
                more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
                logger.info("%s and what follows: done again, since something changed: %s%s", name, "; ".join(changes[:3]), more)
            return


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Nested settings with dotted names."""
    if isinstance(tree, Mapping):
        items = tree.items()
    elif isinstance(tree, list):
        items = {str(number): item for number, item in enumerate(tree)}.items()
    else:
        return {path: tree}
    return {key: value for name, item in items for key, value in flat(item, f"{path}.{name}".strip(".")).items()}
