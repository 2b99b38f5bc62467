"""Loading the modules that hold the users' handlers: the only place that runs their code outside an event."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from worker.handlers.places import Place, below, raised_at, users_frames
from worker.handlers.registry import Handlers, Registry, WrongHandlersError, merge


class HandlersNotLoadedError(Exception):
    """Handlers can't be loaded; the message begins with the line of the user's that is wrong, if there is one.

    That line's code follows on a line of its own.
    """


def load_handlers(names: Sequence[str], *, base: Path) -> Registry:
    """Load modules and put their handlers together, in the order of the names.

    A name is an import path (`my_handlers`, `package.module`) or a file (`path/to/handlers.py`, relative to `base`).
    While a module is loaded, its folder, or `base` for import paths, can be imported from.

    Raises:
        HandlersNotLoadedError: a module is missing, fails, has no `Handlers` object, or its handlers contradict others.
    """
    found = [handlers for name in names for handlers in handlers_of(name, _load(name, base))]
    try:
        return merge(found)
    except WrongHandlersError as error:
        raise HandlersNotLoadedError(str(error)) from error


def handlers_of(name: str, module: ModuleType) -> list[Handlers]:
    """Return what a module, called by that name, registers handlers on.

    Raises:
        HandlersNotLoadedError: it has no `Handlers` object.
    """
    found = [value for value in vars(module).values() if isinstance(value, Handlers)]
    if not found:
        raise HandlersNotLoadedError(f"handlers {name}: no Handlers object in it, expected `handlers = Handlers()`")
    return found


def _load(name: str, base: Path) -> ModuleType:
    if name.endswith(".py") or "/" in name:
        return _load_file(name, base)
    with _importable(base):
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit) as error:
            if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
                raise HandlersNotLoadedError(f"handlers {name}: no such module (looked in {base} too)") from error
            raise _not_loaded(name, error, name, base) from error


def _load_file(name: str, base: Path) -> ModuleType:
    file = base / name
    if not file.is_file():
        raise HandlersNotLoadedError(f"handlers {name}: no such file, expected Python code")
    path = str(file.resolve())
    title = f"handlers:{path}".replace(".", "_")  # a dot would make it look like a package's
    loader = SourceFileLoader(title, path)
    spec = spec_from_loader(title, loader)
    assert spec is not None  # noqa: S101 - there is a loader
    module = sys.modules[title] = module_from_spec(spec)
    with _importable(file.resolve().parent):
        try:
            loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[title]
            raise _not_loaded(name, error, title, base) from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    entry = str(folder)
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with suppress(ValueError):  # the module took it out itself
            sys.path.remove(entry)


def _not_loaded(name: str, error: BaseException, title: str, base: Path) -> HandlersNotLoadedError:
    """Say what came up while a module of that title ran, and first in which of the user's lines."""
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    if isinstance(error, WrongHandlersError):  # says where itself
        return HandlersNotLoadedError(said)
    place = _place(error, title)
    if place is None:
        return HandlersNotLoadedError(f"handlers {name}: {type(error).__name__}: {said}")
    file, line = below(base.resolve(), str(Path(place[0]).resolve())), place[1]
    linecache.checkcache(place[0])
    code = linecache.getline(*place).strip()
    message = f"{file}:{line}: {type(error).__name__}: {said} (handlers {name})"
    return HandlersNotLoadedError(f"{message}\n    {code}" if code else message)


def _place(error: BaseException, title: str) -> Place | None:
    """Return the deepest line of the user's, else of the module itself, which may be an installed one."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno
    frames = users_frames(error)
    if frames:
        return frames[-1].file, frames[-1].line
    return raised_at(error, lambda frame: frame.f_globals.get("__name__") == title)
