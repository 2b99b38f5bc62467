"""Where in a user's code something went wrong: file and line, never what was said or passed."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import PurePath
from types import FrameType

Place = tuple[str, int]


def raised_at(error: BaseException, is_own: Callable[[FrameType], bool]) -> Place | None:
    """Return file and line of the deepest frame that is the user's; None without any."""
    own = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__) if is_own(frame)]
    return own[-1] if own else None


def short(place: Place) -> str:
    """Return a place as `file.py:14`, without its folder."""
    file, line = place
    return f"{PurePath(file).name}:{line}"
