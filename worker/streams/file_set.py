"""Files that belong together: they appear in a folder all at once, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


class UnwritableFolderError(Exception):
    """The files can't be written; the message names the folder and what was expected."""


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by their names into a folder, which is made if it is missing; files of other names stay.

    All are written aside before the first takes its name.

    Raises:
        UnwritableFolderError: the path is no folder, or does not let them.
    """
    try:
        _check(folder, contents)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, contents)
    except OSError as error:
        raise UnwritableFolderError(f"{folder}: can't be written: {error.strerror}") from error


def _check(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Refuse what would fail when the first files have their names already."""
    if folder.exists() and not folder.is_dir():
        raise UnwritableFolderError(f"{folder}: is a file, expected a folder")
    occupied = [name for name in contents if (folder / name).is_dir()]
    if occupied:
        raise UnwritableFolderError(f"{folder / occupied[0]}: is a folder, expected a file or nothing")


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    aside = Path(tempfile.mkdtemp(prefix=".incomplete-", dir=folder))
    try:
        for name, content in contents.items():
            with (aside / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name in contents:
            (aside / name).replace(folder / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
