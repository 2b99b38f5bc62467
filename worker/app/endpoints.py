"""Endpoints as the settings have them, and which of them are disabled: what everybody reads on a compacted topic."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from worker.app.kafka_access import connection_of
from worker.app.processing import now
from worker.delivery.addresses import networks
from worker.delivery.client import Answer, Client
from worker.delivery.endpoints import Endpoint, Endpoints
from worker.delivery.signing import Signer
from worker.settings import Settings
from worker.streams.kafka.cluster import ClusterError
from worker.streams.kafka.feed import Keyed, open_feed
from worker.streams.kafka.reading import Stretch, TopicReader, open_reader
from worker.telemetry import logs

_LOOK_SECONDS, _AGAIN_SECONDS = 1.0, 5.0
_SHOWN_BYTES = 1024  # of an answer


class EndpointState(msgspec.Struct, frozen=True):
    """Whether an endpoint may be used; the fields of `schemas.endpoint_state.EndpointState`, in their order."""

    endpoint: str
    state: Literal["enabled", "disabled"]
    reason: str
    changed_at: str


write_endpoint_state = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EndpointState).decode


def endpoints_of(settings: Settings) -> Endpoints:
    """Return the endpoints of the settings."""
    webhooks = settings.webhooks
    named = {
        name: Endpoint(
            name,
            name,
            each.url.get_secret_value(),
            Signer([secret.get_secret_value() for secret in each.secrets]),
            {header: value.get_secret_value() for header, value in each.headers.items()},
            each.timeout_s,
            each.max_in_flight,
            each.retry_schedule_s,
        )
        for name, each in webhooks.endpoints.items()
    }
    signer = Signer([secret.get_secret_value() for secret in webhooks.url_secrets])
    return Endpoints(named, webhooks.allow_urls, signer, allow_http=webhooks.allow_http)


async def read_states(settings: Settings) -> dict[str, EndpointState]:
    """Return what is known of endpoints by now, by name.

    Raises:
        ClusterError: the topic can't be read.
    """
    states: dict[str, EndpointState] = {}
    async with open_reader(connection_of(settings), settings.topics.endpoints) as reader:
        await _read(reader, {}, states)
    return states


async def write_state(settings: Settings, name: str, state: Literal["enabled", "disabled"], reason: str) -> None:
    """Let everybody know.

    Raises:
        ClusterError: the topic can't be written.
    """
    value = write_endpoint_state(EndpointState(name, state, reason, now()))
    async with open_feed(connection_of(settings), settings.topics.endpoints, None) as feed:
        await feed.send([Keyed(name.encode(), value)])


async def try_endpoint(settings: Settings, endpoint: Endpoint, body: bytes) -> tuple[Answer, str]:
    """Post a body once, as a delivery is posted; return the answer and the webhook's id."""
    id_ = f"msg_test_{uuid.uuid4().hex}"
    headers = {**endpoint.headers, **endpoint.signer.headers(id_, int(time.time()), body)}
    async with Client(networks(settings.webhooks.allow_networks)) as client:
        return await client.post(endpoint.url, body, headers, endpoint.timeout_s, keep=_SHOWN_BYTES), id_


async def _read(reader: TopicReader, read_to: dict[int, int], states: dict[str, EndpointState]) -> None:
    """Take in what is new; `read_to` is how far each partition is read."""
    stretches = {
        number: Stretch(max(each.begin, read_to.get(number, 0)), each.end)
        for number, each in (await reader.stretches()).items()
    }
    async for records in reader.read(stretches):
        for record in records:
            try:
                found = _decode(record.value or b"")
            except msgspec.DecodeError:
                continue  # none of ours
            states[found.endpoint] = found
    read_to |= {number: each.end for number, each in stretches.items()}


class SharedStates:
    """Follows the topic; what this process disables holds for it at once, and for everybody as soon as it is written.

    `told` hears of each change: an endpoint's name, and whether it is disabled.
    """

    def __init__(self, settings: Settings, told: Callable[[str, bool], None]) -> None:
        self._settings = settings
        self._told = told
        self._states: dict[str, EndpointState] = {}
        self._disabled: set[str] = set()
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what is known, and follow it from now on.

        Raises:
            ClusterError: the topic can't be read.
        """
        self._take(await read_states(self._settings))
        self._following = asyncio.create_task(self._follow(), name="follow the endpoints' states")

    async def aclose(self) -> None:
        """Stop following; what is to be written gets a moment."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        if self._writing:
            _, late = await asyncio.wait(self._writing.values(), timeout=_AGAIN_SECONDS)
            for task in late:
                task.cancel()

    def disabled(self, name: str) -> bool:
        """Tell whether nothing may be sent there."""
        return name in self._disabled

    def disable(self, name: str) -> None:
        """Let nothing be sent there any more, by anybody, until it is enabled."""
        if name not in self._disabled:
            self._change(name, disabled=True)
            task = asyncio.create_task(self._write(name), name="disable an endpoint")
            self._writing[name] = task
            task.add_done_callback(lambda _: self._writing.pop(name, None))

    def _change(self, name: str, *, disabled: bool) -> None:
        (self._disabled.add if disabled else self._disabled.discard)(name)
        self._told(name, disabled)

    async def _write(self, name: str) -> None:
        while True:
            try:
                await write_state(self._settings, name, "disabled", "the receiver answered 410")
            except ClusterError as error:
                logs.warning("endpoint_state_unwritten", endpoint=name, error=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    async def _follow(self) -> None:
        states: dict[str, EndpointState] = {}
        while True:
            read_to: dict[int, int] = {}
            try:
                async with open_reader(connection_of(self._settings), self._settings.topics.endpoints) as reader:
                    while True:
                        await _read(reader, read_to, states)
                        self._take(states)
                        await asyncio.sleep(_LOOK_SECONDS)
            except Exception as error:  # noqa: BLE001 - the brokers are away: what is known holds until they are back
                logs.warning("endpoint_states_unread", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)

    def _take(self, states: Mapping[str, EndpointState]) -> None:
        for name, each in states.items():
            wanted = each.state == "disabled"
            if name not in self._writing and wanted != (name in self._disabled):
                self._change(name, disabled=wanted)
