"""Files to begin with: definitions of a first experiment, a handler and its test."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from pathlib import Path
from string import Template

import msgspec

from worker.trigger import TriggerKind

_FOLDER = Path(__file__).parent
DEFINITIONS_FILE = "first.yaml"


class StarterError(Exception):
    """Nothing was written; the message says what is in the way."""


class _Kind(msgspec.Struct, frozen=True):
    """What differs from trigger to trigger: classes, an `api` call, and that call as a test expects it."""

    prefix: str
    meaning: str
    call: str
    recorded: str
    expected: str


_KINDS: Mapping[TriggerKind, _Kind] = {
    "post_login": _Kind(
        "PostLogin",
        "Demand a second factor from the treatment group.",
        'api.multifactor.enable("any", allow_remember_browser=False)',
        "commands",
        'Command("multifactor.enable", ["any", {"allowRememberBrowser": False}]),',
    ),
    "pre_user_registration": _Kind(
        "PreUserRegistration",
        "Note the variation with the new user.",
        'api.user.set_user_metadata("variation", event.experiment.variation_id)',
        "commands",
        'Command("user.setUserMetadata", ["variation", "var_test"]),',
    ),
    "post_user_registration": _Kind(
        "PostUserRegistration",
        "Enrol new users of the treatment group in the welcome programme.",
        'api.enroll("welcome-program", {"user_id": event.user.user_id})',
        "enrollments",
        'Enrollment("welcome-program", {"user_id": EVENT["user"]["user_id"]}),',
    ),
}


def write_definitions(folder: Path) -> list[Path]:
    """Write a first experiment into a folder and return the files.

    Raises:
        StarterError: there is such a file already.
    """
    return _write({folder / DEFINITIONS_FILE: (_FOLDER / "definitions.yaml").read_text()})


def write_handler(file: Path, trigger: TriggerKind, experiment: str | None) -> list[Path]:
    """Write a handler and, beside it, its test, and return the files. `experiment` limits it to one.

    Raises:
        StarterError: there is such a file already, or nothing could import a file of that name.
    """
    if file.suffix != ".py" or not file.stem.isidentifier() or keyword.iskeyword(file.stem):
        raise StarterError(f"found {file.name}, expected the name of a Python module: letters, digits and _, then .py")
    filled = {**_words(trigger, experiment), "file": file.name, "module": file.stem}
    return _write(
        {
            file: Template((_FOLDER / "handler.txt").read_text()).substitute(filled),
            file.with_name(f"test_{file.name}"): Template((_FOLDER / "test.txt").read_text()).substitute(filled),
        }
    )


def _words(trigger: TriggerKind, experiment: str | None) -> dict[str, str]:
    kind = _KINDS[trigger]
    quoted = "" if experiment is None else f'"{experiment}"'
    return {
        "trigger": trigger,
        "decorator": trigger if experiment is None else f"{trigger}(experiment={quoted})",
        "name": "treat",
        "meaning": kind.meaning,
        "call": kind.call,
        "recorded": kind.recorded,
        "recorded_class": kind.expected.partition("(")[0],
        "expected": kind.expected,
        "api_class": f"{kind.prefix}Api",
        "event_class": f"{kind.prefix}Event",
        "experiment": quoted,
        "experiment_comma": f"{quoted}, " if quoted else "",
    }


def _write(files: Mapping[Path, str]) -> list[Path]:
    """Write all or none."""
    there = [str(file) for file in files if file.exists()]
    if there:
        verb = "is" if len(there) == 1 else "are"
        raise StarterError(f"found {' and '.join(there)}, which {verb} not overwritten: name another file")
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    except OSError as error:
        raise StarterError(f"{error.filename} can't be written: {error.strerror}") from error
    return list(files)
