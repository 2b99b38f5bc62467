"""Records as the worker really reads and writes them: simulated traffic, the examples' log, and crafted cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import orjson

from schemas.vocabulary import RetryReason
from tests.definitions_documents import percentage_set, segment_set
from tests.factories import ABSENT, cloud_event, event_object, log_event, post_login, trigger_event, user_created
from tests.pipelines import pipeline
from tests.schemas.comparisons import comparisons
from tests.schemas.definitions import documents
from tests.schemas.scribe import NOW, Noted, Scribe, headers_of
from worker import Handlers
from worker.app.deliveries import DELIVERY_REASONS, Origin, Routes
from worker.app.endpoints import EndpointState, write_endpoint_state
from worker.app.loading import load_definitions
from worker.app.processing import new_pipeline
from worker.emit import erasure
from worker.experiments.claims import Claim, Proposal, Published, Unreachable
from worker.experiments.subjects import Identities, SubjectKeys, SubjectType
from worker.handlers.dispatch import Dispatcher
from worker.handlers.load import load_handlers
from worker.records import Oversize, Record
from worker.settings import Settings
from worker.simulate.options import TrafficOptions
from worker.simulate.traffic import generate_lines
from worker.stores.memory import MemoryStore
from worker.streams.kafka.delivery_lane import Sent
from worker.streams.kafka.letters import Letter, Marks
from worker.summary import Summary

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TRAFFIC = TrafficOptions(events=1500, people=150, seed=11, malformed=0.05)
BATCH = 500
TIMESTAMP = 1_767_600_000_000
TRACE = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")


async def everything() -> dict[str, list[Any]]:
    """Simulated traffic and crafted cases: all records by the name of their contract."""
    scribe = Scribe()
    await traffic(scribe, (line.value for line in generate_lines(TRAFFIC)))
    await crafted(scribe)
    small = Scribe(max_bytes=2500)
    await small.process(pipeline(), at(post_login(padding="x" * 3000)))
    found = {name: scribe.documents().get(name, []) + small.documents().get(name, []) for name in scribe.noted}
    own = {"definitions": documents(EXAMPLES / "definitions"), "erasure": erasures(), "redriven": marks()}
    return found | own | deliveries(scribe.noted["enrollment"])


def deliveries(noted: Sequence[Noted]) -> dict[str, list[Any]]:
    """What `deliver` writes of enrollments, and of endpoints."""
    routes = Routes("retries", 32, "dlq", 8, 8)
    retried, given_up = [], []
    for each in noted:
        headers = [(name, value.encode()) for name, value in (each.headers or {}).items()]
        origin = Origin("enrollments/0/5", b"k", orjson.dumps(each.payload), headers, TIMESTAMP, 0, 0, 0)
        retried += [routes.later(origin, TIMESTAMP, 1, reason) for reason in get_args(RetryReason)]
        given_up += [routes.dead(origin, reason, "what and why") for reason in DELIVERY_REASONS]
    states: list[EndpointState] = [
        EndpointState("welcome", "disabled", "the receiver answered 410", NOW),
        EndpointState("welcome", "enabled", "enabled by command", NOW),
    ]
    return {
        "retried-enrollment": [orjson.loads(each.value or b"") for each in retried],
        "retry-headers": [added(each, "delivery.") for each in retried],
        "undelivered-enrollment": [orjson.loads(each.value or b"") for each in given_up],
        "delivery-dead-letter-headers": [added(each, "error.") for each in given_up],
        "endpoint-state": [orjson.loads(write_endpoint_state(each)) for each in states],
    }


def added(record: Sent, prefix: str) -> dict[str, str]:
    """The headers of a record that begin so."""
    return {name: text for name, text in headers_of(record.headers).items() if name.startswith(prefix)}


def marks() -> list[Any]:
    """What `dlq redrive` notes."""
    letter = Letter(3, 117, "not_json", "", "auth.triggers/0/5", "decode", "", 0, None, b"{", (), kept=True)
    return [orjson.loads(Marks().mark_of(letter, "2026-03-01T00:00:00.000Z")[1])]


def erasures() -> list[Any]:
    """What `forget` writes, of every type of subject."""
    keys = SubjectKeys(b"pepper")
    names: tuple[tuple[SubjectType, str], ...] = (("user", "auth0|1"), ("identifier", "ada@b.no"), ("device", "d-1"))
    subjects = keys.of_all("ten_1", Identities(names, ""))
    return [orjson.loads(erasure(subject, "2026-03-01T00:00:00.000Z")) for subject in subjects]


async def traffic(scribe: Scribe, values: Iterable[bytes]) -> None:
    """Run lines as records of one partition through the examples' definitions and handlers."""
    snapshot = load_definitions([EXAMPLES / "definitions"]).snapshot
    assert snapshot is not None
    dispatcher = Dispatcher(load_handlers(["handlers.py"], base=EXAMPLES))
    running = new_pipeline(Settings(), SubjectKeys(b"pepper"), lambda: snapshot, MemoryStore(), dispatcher)
    summary = Summary(snapshot)
    records = [Record(value, f"auth.triggers/0/{offset}") for offset, value in enumerate(values)]
    for batch in in_batches(iter(records)):
        summary.add(await scribe.process(running, batch))
    document = summary.document(dispatcher.counts(), 1.25)
    scribe.noted["summary"].append(Noted(document))
    async for comparison in comparisons(records):
        scribe.noted["summary"].append(Noted({**document, "comparison": comparison}))


def in_batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, BATCH)):
        yield batch


def at(*values: Any, **fields: Any) -> list[Record]:
    """Records of a topic: documents as JSON, bytes as they are."""
    raw = [value if isinstance(value, bytes) else orjson.dumps(value) for value in values]
    return [Record(value, f"t/0/{offset}", **{"timestamp": TIMESTAMP, **fields}) for offset, value in enumerate(raw)]


async def crafted(scribe: Scribe) -> None:
    """The corners that traffic seldom or never meets."""
    nobody = event_object(user=ABSENT, request={"query": {"experiment_id": "exp_a", "variation_id": "var_control"}})
    unnamed = trigger_event(id=ABSENT, time=None)
    bare = trigger_event({}, trigger="pre_user_registration", id=None, time=ABSENT)
    orphaned = post_login(request={"query": {"variation_id": "var_control"}, "hostname": None})
    unknown = post_login(request={"query": {"experiment_id": "exp_none"}, "geoip": None})
    explicit = post_login(request={"query": {"experiment_id": "exp_a"}})
    odd = post_login(
        client={"client_id": None, "name": 5}, connection={"id": 7}, experiment="mine", more=[1, {"a": None}]
    )
    await scribe.process(pipeline(), at(trigger_event(nobody), unnamed, bare, orphaned, unknown, explicit, odd))
    untimed = [trigger_event(each, time=ABSENT) for each in (event_object(), {"user": {"user_id": "u3"}}, nobody, {})]
    for definitions in ([percentage_set(updated_at=None)], []):
        running = pipeline(definitions=definitions, handlers=acting())
        await scribe.process(running, [Record(orjson.dumps(each), "log.ndjson/1") for each in untimed])
    await dialects(scribe)
    await stores(scribe)
    await failures(scribe)
    device = percentage_set(assignment_config={"subject": "device"}, updated_at=None)
    await scribe.process(pipeline(definitions=[device]), at(post_login(tenant=ABSENT)))
    await scribe.process(pipeline(definitions=[segment_set()]), at(post_login(), log_event(user_agent=ABSENT)))
    await scribe.process(pipeline(), [*at(b"", timestamp=5), whole_too_large(), headed()])


async def dialects(scribe: Scribe) -> None:
    """CloudEvents in binary mode and sparse events of every format; with and without an experiment."""
    attributes = (("ce_specversion", b"1.0"), ("ce_source", b"urn:x"), ("ce_id", b"b1"), TRACE, ("tracestate", b"a=b"))
    login = (*attributes, ("ce_type", b"auth0.trigger.post_login"), ("ce_time", b"2026-03-01T12:00:00Z"))
    registering = (*attributes, ("ce_type", b"auth0.trigger.pre_user_registration"))
    created = (*attributes, ("ce_type", b"user.created"), ("ce_a0tenant", b"acme"))
    sparse_log = log_event(details=None, log_id=None, user_name="anna", client_id=None)
    for definitions in ([percentage_set()], []):
        running = pipeline(definitions=definitions, handlers=acting())
        await scribe.process(running, at(event_object(), headers=login))
        await scribe.process(running, at(event_object(user=None), headers=registering))
        await scribe.process(running, at(user_created()["data"], {"object": {}, "context": None}, headers=created))
        await scribe.process(running, at(cloud_event(), cloud_event({}, id=ABSENT, source=None, time=None)))
        await scribe.process(
            running, at(user_created(), user_created(data={"object": {"user_id": "u"}}, a0tenant=None))
        )
        await scribe.process(running, at(log_event(), sparse_log, log_event(type="ss", details=ABSENT)))
        wrapped = {"log_id": None, "data": log_event(details={"a": 1})}
        await scribe.process(running, at(wrapped, {"log_id": "l", "data": {"type": "s"}}))


class StoreThatIsAway:
    """A store that nobody can ask, where the settings say to go on."""

    async def claim(self, proposals: Sequence[Proposal]) -> Sequence[Claim]:
        return [Unreachable()] * len(proposals)

    def confirm(self, published: Sequence[Published]) -> None:
        assert not published


async def stores(scribe: Scribe) -> None:
    """What the store can answer: sticky, linked, reassigned, older definitions, paused, away."""
    store, event = MemoryStore(), post_login()
    first = percentage_set(updated_at="2026-01-01T00:00:00.5+01:00")
    await scribe.process(pipeline(definitions=[first], store=store), at(event, post_login(user={"user_id": "u2"})))
    linked = post_login(user={"user_id": "auth0|9", "email": "ANNA@example.com"})
    again = [{**post_login(), "id": "evt_2"}, {**linked, "id": "evt_3"}]
    await scribe.process(pipeline(definitions=[first], store=store), at(*again))
    withdrawn = percentage_set(
        allocations=[{"variation_id": "var_control", "weight": 100, "is_control": True}],
        updated_at="2026-02-01T00:00:00Z",
    )
    await scribe.process(pipeline(definitions=[withdrawn], store=store), at({**post_login(), "id": "evt_4"}))
    behind = percentage_set(
        allocations=[{"variation_id": "var_treatment", "weight": 100, "is_control": True}],
        updated_at="2025-01-01T00:00:00Z",
    )
    await scribe.process(pipeline(definitions=[behind], store=store), at({**post_login(), "id": "evt_5"}))
    await scribe.process(pipeline(definitions=[percentage_set(status="paused")]), at(event))
    away = pipeline(store=StoreThatIsAway())  # type: ignore[arg-type] # any store does
    await scribe.process(away, at(event))


def acting() -> Handlers:
    """Handlers that use the api, and ask for webhooks by name and by URL."""
    handlers = Handlers()

    @handlers.post_login
    def login(_event: Any, api: Any) -> None:
        api.access.deny("because")
        api.authentication.challenge_with_any([{"type": "otp"}, {"type": "webauthn-roaming"}])
        api.enroll("https://example.com/hook", {})
        api.enroll("welcome", {"nested": {"list": [1, 2.5, None, "ä"]}})

    return handlers


async def failures(scribe: Scribe) -> None:
    """Handlers that fail, with each way to go on."""
    handlers = acting()

    @handlers.post_login(on_error="skip")
    def skipped(event: Any, api: Any) -> None:
        api.access.deny("not kept")
        raise ValueError(event.user.email)

    await scribe.process(pipeline(handlers=handlers), at(post_login()))

    @handlers.post_login
    def failed(_event: Any, _api: Any) -> None:
        raise ValueError

    @handlers.post_user_registration(timeout=0.000001)
    def slow(_event: Any, _api: Any) -> None:
        sum(range(100_000))

    late = trigger_event(trigger="post_user_registration")
    await scribe.process(pipeline(handlers=handlers), at(post_login(), late, key=b"\x00key"))


def whole_too_large() -> Record:
    return Record(b"", "log.ndjson/7", oversize=Oversize(2_000_000, "ab" * 32))


def headed() -> Record:
    """Bad input with headers of its own, one of them null as Kafka has it."""
    headers: Any = (("a", b"\xff".hex().encode()), ("a", b"2"), ("nothing", None))
    return Record(b"[]", "t/0/9", key=b"k", headers=headers, timestamp=TIMESTAMP)
