"""The files of a replay: `enriched.ndjson` and its siblings, which appear whole at the end or not at all.

They are written into a folder aside and renamed when the run is over, the summary last. A run that is interrupted
leaves what was there before as it was.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from worker.outputs import OUTPUT_KINDS, BatchResult, DeadLetter

_ASIDE = ".incomplete"
_NAMES = (*OUTPUT_KINDS, "dead_letters")
OUTPUT_FILES = tuple(f"{name}.ndjson" for name in _NAMES)


class OutputFolderError(Exception):
    """The folder can't be written; the message names it."""


class OutputFolder:
    """Writes the outputs of one run; a context manager that publishes nothing unless `publish` was called.

    `now` gives the time of a dead letter (RFC 3339).
    """

    def __init__(self, folder: Path, now: Callable[[], str]) -> None:
        self._folder = folder
        self._aside = folder / _ASIDE
        self._now = now
        self._files: dict[str, BinaryIO] = {}
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise OutputFolderError(f"{self._folder}: another replay is writing here") from None
        except OSError as error:
            raise OutputFolderError(f"{self._folder}: can't be written: {error.strerror}") from None
        shutil.rmtree(self._aside, ignore_errors=True)  # what a killed run left
        self._aside.mkdir()
        self._files = {name: (self._aside / f"{name}.ndjson").open("wb") for name in _NAMES}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._aside, ignore_errors=True)
        os.close(self._lock)

    def write(self, result: BatchResult) -> None:
        """Append a batch's outputs, one line each, in its order."""
        for kind, outputs in result.outputs.items():
            _write_lines(self._files[kind], [output.value for output in outputs])
        _write_lines(self._files["dead_letters"], [self._letter(letter) for letter in result.dead_letters])

    def publish(self, summary: bytes) -> None:
        """Put the run's files in the place of the earlier ones, `summary.json` last."""
        (self._folder / "summary.json").unlink(missing_ok=True)  # never an old summary beside new files
        for name, file in self._files.items():
            file.flush()
            os.fsync(file.fileno())
            (self._aside / f"{name}.ndjson").replace(self._folder / f"{name}.ndjson")
        aside = self._aside / "summary.json"
        aside.write_bytes(summary)
        aside.replace(self._folder / "summary.json")

    def _letter(self, letter: DeadLetter) -> bytes:
        record = letter.record
        oversize = record.oversize
        return orjson.dumps(
            {
                "reason": letter.reason,
                "message": letter.message,
                "stage": letter.stage,
                "source": record.source,
                "time": self._now(),
                "key_base64": _base64(record.key),
                "value_base64": None if oversize else _base64(record.value),
                "headers": [(name, _base64(value)) for name, value in record.headers],
                **({} if oversize is None else {"size": oversize.size, "sha256": oversize.sha256}),
            }
        )


def _write_lines(file: BinaryIO, lines: Sequence[bytes]) -> None:
    if lines:
        file.write(b"\n".join((*lines, b"")))


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
