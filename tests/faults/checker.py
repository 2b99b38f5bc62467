"""The checker: what the outputs of a run must be, given what its inputs were.

It knows the truth of the traffic and nothing of how a worker works. Every rule yields one line per difference; a run
holds if there is none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Literal

import msgspec

from tests.faults.experiment import ENROLLED, EXPERIMENT_ID, PEPPER, TENANT
from tests.faults.seen import Kind, Seen, fingerprint
from tests.faults.traffic import Event, Input, Name
from worker.experiments.subjects import Identities, SubjectKeys

Rule = Literal[
    "reads",  # the reader during the run and the one after it saw the same
    "outcome",  # each input has exactly one terminal outcome, the right one
    "due",  # exposures, commands and enrollments: exactly those that the events are due, of the right event
    "ids",  # no id twice
    "variation",  # one variation per person over all outputs
    "assignments",  # the assignments topic says, of every identity, the person's variation
    "store",  # so does Redis
    "first",  # `is_first` exactly once per person
    "order",  # in an output partition the inputs of a partition come in their order
    "partition",  # outputs are in the partition of their input
    "lag",  # all inputs are committed
    "open",  # no transaction is left open
    "story",  # the scenario came to its end: workers did on their way what they should
    "leak",  # no planted secret in keys, headers, exposures, assignments, logs, metrics and Redis
]
_SHOWN = 5


class Run(msgspec.Struct, frozen=True):
    """What a run left behind.

    `inputs` by place. `seen` was read from the start after the run, `followed` during it. `stored` is the variation
    that Redis has by subject, `lag` what is not committed by input partition, `open` the output partitions with an
    open transaction, `leaks` the places in logs, metrics and Redis where a planted secret stands. `redriven` are the
    inputs whose dead letters were sent back to mended handlers, `forgotten` the subjects that were erased and did not
    come again.
    """

    inputs: Mapping[str, Input]
    seen: Sequence[Seen]
    followed: Sequence[Seen]
    stored: Mapping[str, str]
    lag: Mapping[int, int]
    open: Sequence[str]
    leaks: Sequence[str]
    redriven: Collection[str] = frozenset()
    forgotten: Collection[str] = frozenset()


class Verdict(msgspec.Struct, frozen=True):
    """The differences found, by rule; none if the run holds."""

    differences: Mapping[Rule, tuple[str, ...]]

    @property
    def holds(self) -> bool:
        """Tell whether nothing differs."""
        return not self.differences

    def __str__(self) -> str:
        """Return a line per difference, the first few of each rule."""
        if self.holds:
            return "holds"
        return "\n".join(chain.from_iterable(map(_shown, *zip(*self.differences.items(), strict=True))))


def _shown(rule: Rule, lines: Sequence[str]) -> Iterator[str]:
    yield f"{rule}: {len(lines)} differences"
    yield from (f"  {line}" for line in islice(lines, _SHOWN))


def check(run: Run) -> Verdict:
    """Compare a run with its truth."""
    by_kind: dict[Kind, list[Seen]] = defaultdict(list)
    for each in run.seen:
        by_kind[each.kind].append(each)
    variations = _variations(run)
    found: dict[Rule, Iterator[str]] = {
        "reads": _reads(run),
        "outcome": _outcomes(run, by_kind),
        "due": _due(run, by_kind, variations),
        "ids": _ids(run, by_kind),
        "variation": _one_variation(variations),
        "assignments": _assignments(run, by_kind["assignments"], variations),
        "store": _store(run, variations),
        "first": _first(run, by_kind["exposures"]),
        "order": _order(run),
        "partition": _partitions(run),
        "lag": (f"input partition {each}: {lag} not committed" for each, lag in run.lag.items() if lag),
        "open": (f"{each} has an open transaction" for each in run.open),
        "leak": chain(_leaks(run), run.leaks),
    }
    lines = {rule: tuple(differences) for rule, differences in found.items()}
    return Verdict({rule: differences for rule, differences in lines.items() if differences})


def subjects(event: Event) -> list[str]:
    """Return the subjects of an event's identities as records name them."""
    return subjects_of(event.names) if event.names else []


def subjects_of(names: Sequence[Name]) -> list[str]:
    """Return the subjects of names as records name them."""
    return [subject.hex for subject in _KEYS.of_all(TENANT, Identities(tuple(names), ""))]


_KEYS = SubjectKeys(PEPPER.encode())


def _reads(run: Run) -> Iterator[str]:
    after, during = (
        Counter((s.kind, s.partition, s.offset, s.digest) for s in each) for each in (run.seen, run.followed)
    )
    yield from (f"only read after the run: {each}" for each in after - during)
    yield from (f"only read during the run: {each}" for each in during - after)


def _positions(seen: Sequence[Seen]) -> Counter[tuple[Kind, int, int, int]]:
    return Counter((each.kind, each.partition, each.offset, each.digest) for each in seen)


def _outcomes(run: Run, by_kind: Mapping[Kind, Sequence[Seen]]) -> Iterator[str]:
    enriched = Counter(each.source for each in by_kind["enriched"])
    letters = Counter(each.source for each in by_kind["dead_letters"])
    for source, each in run.inputs.items():
        again = source in run.redriven
        got = (enriched[source], letters[source])
        due = (int(again or each.due == "enriched"), int(each.due == "dead_letter"))
        if got != due:
            yield f"{source}: {got[0]} enriched and {got[1]} dead letters, expected {due[0]} and {due[1]}"
    for letter in by_kind["dead_letters"]:
        known = run.inputs.get(letter.source)
        if known is not None and known.reason != letter.reason:
            yield f"{letter.source}: dead letter {letter.reason}, expected {known.reason}"
        elif known is not None and letter.about != fingerprint(known.key, known.value):
            yield f"{letter.source}: the dead letter's bytes are not the input's"
    yield from (f"{source}: no such input" for source in (enriched | letters).keys() - run.inputs.keys())


def _due(run: Run, by_kind: Mapping[Kind, Sequence[Seen]], variations: Mapping[int, set[str]]) -> Iterator[str]:
    for kind in ("exposures", "commands", "enrollments"):
        got = Counter(each.source for each in by_kind[kind])
        due = {source: _due_of(run, kind, source, variations) for source in run.inputs}
        for source in due | got:
            if got[source] != due.get(source, 0):
                yield f"{source}: {got[source]} {kind}, expected {due.get(source, 0)}"
    for each in chain.from_iterable(by_kind[kind] for kind in _ABOUT_EVENTS):
        known = run.inputs.get(each.source)
        if known is not None and (known.event is None or known.event.id != each.about):
            yield f"{each.source}: {each.kind} speaks of event {each.about}"
        elif (each.variation is None) != (_person(run, each) is None):
            yield f"{each.source}: {each.kind} with variation {each.variation}"


_ABOUT_EVENTS: tuple[Kind, ...] = ("enriched", "exposures", "commands", "enrollments")


def _due_of(run: Run, kind: Kind, source: str, variations: Mapping[int, set[str]]) -> int:
    """Return how many outputs of a kind an input comes to; one that was sent back is exposed again."""
    given, again = run.inputs[source], source in run.redriven
    event = given.event
    if event is None or event.person is None:
        return 0
    if kind == "exposures":
        return 1 + again
    if given.due != "enriched" and not again:
        return 0
    if kind == "commands":
        return int(event.trigger != "post_user_registration")
    return int(event.trigger == "post_user_registration" and bool(variations.get(event.person, set()) & ENROLLED))


def _ids(run: Run, by_kind: Mapping[Kind, Sequence[Seen]]) -> Iterator[str]:
    """An input that was sent back is exposed again with the same id; any other id is there once."""
    for kind in _ABOUT_EVENTS:
        again = {each.id for each in by_kind[kind] if kind == "exposures" and each.source in run.redriven}
        for id_, times in Counter(each.id for each in by_kind[kind]).items():
            if times != 1 + (id_ in again) or not id_:
                yield f"{kind}: id {id_ or 'missing'} {times} times"


def _variations(run: Run) -> dict[int, set[str]]:
    """Return the variations of each person, over all outputs about events."""
    found: dict[int, set[str]] = defaultdict(set)
    for each in run.seen:
        person = _person(run, each)
        if each.kind in _ABOUT_EVENTS and each.variation is not None and person is not None:
            found[person].add(each.variation)
    return found


def _person(run: Run, seen: Seen) -> int | None:
    known = run.inputs.get(seen.source)
    return None if known is None or known.event is None else known.event.person


def _one_variation(variations: Mapping[int, set[str]]) -> Iterator[str]:
    for person, found in variations.items():
        if len(found) > 1:
            yield f"person {person}: {', '.join(sorted(found))}"


def _expected(run: Run, variations: Mapping[int, set[str]]) -> dict[str, set[str | None]]:
    """Return, for the subject of every identity seen, the variations of whoever had it last; None: was forgotten."""
    latest: dict[str, int] = {}
    for each in run.inputs.values():
        if each.event is not None and each.event.person is not None:
            for subject in subjects(each.event):
                latest[subject] = max(each.event.person, latest.get(subject, 0))
    held: dict[str, set[str | None]] = {subject: {*variations.get(person, set())} for subject, person in latest.items()}
    return held | {subject: {None} for subject in run.forgotten}


def _assignments(run: Run, seen: Sequence[Seen], variations: Mapping[int, set[str]]) -> Iterator[str]:
    last: dict[str, Seen] = {}
    home: dict[str, int] = {}
    for each in sorted(seen, key=lambda each: (each.partition, each.offset)):
        if home.setdefault(each.about, each.partition) != each.partition:
            yield f"{each.about}: in partitions {home[each.about]} and {each.partition}"
        last[each.about] = each
    wanted = {f"{TENANT}|{EXPERIMENT_ID}|{subject}": found for subject, found in _expected(run, variations).items()}
    yield from (f"{key}: missing on the topic" for key in wanted.keys() - last.keys())
    yield from (f"{key}: nobody's key" for key in last.keys() - wanted.keys())
    for key in wanted.keys() & last.keys():
        if wanted[key] != {last[key].variation}:
            yield f"{key}: {last[key].variation} on the topic, {_listed(wanted[key])} expected"


def _store(run: Run, variations: Mapping[int, set[str]]) -> Iterator[str]:
    for subject, found in _expected(run, variations).items():
        stored = run.stored.get(subject)
        if found != {stored}:
            yield f"subject {subject}: {stored} in Redis, {_listed(found)} expected"


def _listed(found: set[str | None]) -> str:
    return ", ".join(sorted(map(str, found)))


def _first(run: Run, exposures: Sequence[Seen]) -> Iterator[str]:
    firsts: dict[int, set[str]] = defaultdict(set)
    known: dict[str, bool | None] = {}
    for each in exposures:
        person = _person(run, each)
        if person is not None:
            firsts[person] |= {each.id} if each.is_first else set()
        if known.setdefault(each.id, each.is_first) != each.is_first:
            yield f"exposure {each.id}: first and not first"
    for person, ids in firsts.items():
        if len(ids) != 1:
            yield f"person {person}: {len(ids)} first exposures"


def _place(source: str) -> tuple[str, int, int]:
    topic, partition, offset = source.rsplit("/", 2)
    return topic, int(partition), int(offset)


def _order(run: Run) -> Iterator[str]:
    latest: dict[tuple[Kind, int, int], int] = defaultdict(lambda: -1)
    met: set[tuple[Kind, str]] = set()
    for each in sorted(run.seen, key=lambda each: (each.kind, each.partition, each.offset)):
        if each.source not in run.inputs or _sent_back(run, each, met):
            continue
        _, partition, offset = _place(each.source)
        lane = (each.kind, each.partition, partition)
        if offset < latest[lane]:
            yield f"{each.kind}/{each.partition}/{each.offset}: {each.source} comes after offset {latest[lane]}"
        latest[lane] = max(offset, latest[lane])


def _sent_back(run: Run, seen: Seen, met: set[tuple[Kind, str]]) -> bool:
    """Tell whether an output is of an input that was sent back, and so has another place in the order."""
    if seen.source not in run.redriven:
        return False
    again = (seen.kind, seen.source) in met or seen.kind not in {"dead_letters", "exposures"}
    met.add((seen.kind, seen.source))
    return again


def _partitions(run: Run) -> Iterator[str]:
    for each in run.seen:
        if each.kind != "assignments" and each.source in run.inputs and _place(each.source)[1] != each.partition:
            yield f"{each.kind}/{each.partition}/{each.offset}: belongs to {each.source}"


def _leaks(run: Run) -> Iterator[str]:
    for each in run.seen:
        if each.leak is not None:
            yield f"{each.kind}/{each.partition}/{each.offset}: a planted secret in its {each.leak}"
