"""The contracts as files: a JSON Schema for each record, and the AsyncAPI document of the topics in the settings."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import orjson

from schemas.asyncapi import TOPICS, asyncapi
from schemas.catalog import RECORDS, json_schema
from worker.settings import Settings
from worker.streams.output_folder import write_whole


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
        OutputFolderError: the folder can't be written.
    """
    files = {folder / name: content for name, content in contracts(settings).items()}
    for file, content in files.items():
        write_whole(file, content)
    return list(files)
