"""The contracts as files: a JSON Schema for each record and the AsyncAPI document of the topics in force."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from typing import Any

import orjson

from schemas.asyncapi import CHANNELS, Topics, asyncapi
from schemas.catalogue import CONTRACTS, schema_of
from worker.settings import Settings

ASYNCAPI_FILE = "asyncapi.json"

_PACKAGE = "experiment-worker"
_STYLE = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def contract_files(settings: Settings) -> dict[str, bytes]:
    """Return every file by its name; the topics are those that the settings name."""
    schemas = {contract.file: orjson.dumps(schema_of(contract), option=_STYLE) for contract in CONTRACTS}
    return {**schemas, ASYNCAPI_FILE: orjson.dumps(_asyncapi(settings), option=_STYLE)}


def _asyncapi(settings: Settings) -> dict[str, Any]:
    names = {name: getattr(settings.topics, name) for name in CHANNELS}
    topics = Topics(names, settings.topics.partitions, settings.topics.replication_factor, settings.kafka.group_id)
    examples = orjson.loads(files("schemas").joinpath("examples.json").read_bytes())
    return asyncapi(topics, examples, version(_PACKAGE))
