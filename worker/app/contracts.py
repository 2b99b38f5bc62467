"""The contracts as files: a JSON Schema for each record, and the AsyncAPI document of the topics in the settings."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import orjson

from schemas.asyncapi import TOPICS, asyncapi
from schemas.catalog import RECORDS, json_schema
from worker.settings import Settings


class NotExportedError(Exception):
    """Nothing was written, or not everything; the message says why."""


def contracts(settings: Settings) -> dict[str, bytes]:
    """Return the files by name."""
    addresses = {setting: str(getattr(settings.topics, setting)) for setting in TOPICS}
    documents = {f"{name}.schema.json": json_schema(name) for name in RECORDS}
    documents["asyncapi.json"] = asyncapi(addresses, version("experiment-worker"))
    return {name: orjson.dumps(document, option=_STYLE) for name, document in documents.items()}


_STYLE = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def export(folder: Path, settings: Settings) -> list[Path]:
    """Write the files into a folder, which is made if it is missing; return them.

    Raises:
        NotExportedError: the folder can't be written.
    """
    files = contracts(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_written(folder / name, content) for name, content in files.items()]
    except OSError as error:
        raise NotExportedError(f"{error.filename} can't be written: {error.strerror}") from error


def _written(file: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    aside = file.with_name(f".{file.name}.new")
    aside.write_bytes(content)
    return aside.replace(file)
