"""Where in a user's code something went wrong: files, lines and names of functions, never what was said or passed."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import PurePath
from types import FrameType
from typing import NamedTuple

Place = tuple[str, int]

MAX_FRAMES = 8  # of a trace: what calls itself a thousand times is understood by then
_OURS = str(PurePath(__file__).parent.parent) + os.sep


class Frame(NamedTuple):
    """One call on the way to an error."""

    file: str
    line: int
    function: str


def is_ours(file: str) -> bool:
    """Tell whether code of that file is the worker's."""
    return file.startswith(_OURS)


def users_frames(error: BaseException, own_file: str | None = None) -> tuple[Frame, ...]:
    """Return the calls that led to an error, outermost first, without ours and without installed libraries'.

    `own_file` counts as the user's wherever it is installed. Of a long way the last `MAX_FRAMES` calls stay.
    """
    found = [
        Frame(frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == own_file or _is_users(frame.f_code.co_filename)
    ]
    return tuple(found[-MAX_FRAMES:])


def raised_at(error: BaseException, is_own: Callable[[FrameType], bool]) -> Place | None:
    """Return file and line of the deepest frame that is the user's; None without any."""
    own = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__) if is_own(frame)]
    return own[-1] if own else None


def short(place: Place) -> str:
    """Return a place as `file.py:14`, without its folder."""
    file, line = place
    return f"{PurePath(file).name}:{line}"


def below(base: PurePath, file: str) -> str:
    """Return a file's path as it is seen from that folder; one that is elsewhere as it is."""
    path = PurePath(file)
    return str(path.relative_to(base)) if path.is_relative_to(base) else file


def _is_users(file: str) -> bool:
    return not is_ours(file) and not file.startswith(("<frozen ", *_installed()))


@cache
def _installed() -> frozenset[str]:
    """Return the folders of the standard library and of what is installed."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return frozenset(sysconfig.get_path(name) + os.sep for name in names)
