"""JSON documents as text, in every spelling that the grammar has: what no serializer would write.

White space everywhere, escaped letters in keys, duplicate keys, numbers beyond any type, and the names that the
formats go by in odd places.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Text = SearchStrategy[str]

SPACE: Text = st.sampled_from(["", "", "", "", " ", "\n", "\t", "\r\n", "  "])
MEMBER: Text = st.sampled_from(["{}:{}", "{}:{}", "{}:{}", " {}:{}", "{} :{}", "{}: {}", "{}:{} ", "\r\n{}\t:\n {}  "])
NUMBERS: Text = st.sampled_from(
    ["0", "-0", "1.0", "1E400", "-1E+400", "1e-999", "0.10", "18446744073709551616", "123456789012345678901234567890"]
)
ODD_STRINGS: Text = st.sampled_from(
    [r'"\ud83d\udc4d"', r'"\/\b\f\"\\"', '"{[,:"', r'"\"event\":{"', '"\x7f\u2028\U0001f600"', r'"\\"', '"experiment"']
)
STRINGS: Text = st.one_of(ODD_STRINGS, st.builds(json.dumps, st.text(max_size=6), ensure_ascii=st.booleans()))
SCALARS: Text = st.one_of(st.sampled_from(["null", "true", "false"]), NUMBERS, STRINGS)
NAMES: Text = st.sampled_from(
    ["experiment", "event", "data", "details", '"event', "event\\", "experiment:{", "", "é", "unknown", "a", "Event"]
)


def _spell(name: str, escaped: int) -> str:
    """Write a name as JSON; the bits of `escaped` tell which letters are `\\u` escapes (negative: in capitals)."""
    digits = "\\u%04X" if escaped < 0 else "\\u%04x"
    letters = [digits % ord(c) if escaped >> i & 1 else json.dumps(c)[1:-1] for i, c in enumerate(name)]
    return f'"{"".join(letters)}"'


def spelled(name: str) -> Text:
    """A name in one of its spellings, mostly the plain one."""
    return st.builds(_spell, st.just(name), st.sampled_from([0] * 35 + [1, 2, 64, -1, -2]))


def member(key: Text, value: Text) -> Text:
    return st.builds(str.format, MEMBER, key, value)


def joined(opening: str, closing: str, entries: SearchStrategy[list[str]]) -> Text:
    return st.builds(lambda found, space: opening + (",".join(found) or space) + closing, entries, SPACE)


def _nest(inner: Text) -> Text:
    keys = st.one_of(NAMES.flatmap(spelled), STRINGS)
    return st.one_of(
        joined("[", "]", st.lists(st.builds("{}{}{}".format, SPACE, inner, SPACE), max_size=3)),
        joined("{", "}", st.lists(member(keys, inner), max_size=3)),
    )


VALUES: Text = st.recursive(SCALARS, _nest, max_leaves=6)


class _Member(NamedTuple):
    name: str
    text: str
    counts: bool


@st.composite
def objects(draw: DrawFn, required: Mapping[str, Text], without: tuple[str, ...] = ()) -> str:
    """An object with those members and any others, in any order; before a member may stand duplicates of it."""
    counting = [_Member(name, draw(member(spelled(name), value)), True) for name, value in required.items()]
    names = draw(st.lists(st.one_of(NAMES, st.sampled_from(sorted(required) or [""])), max_size=4))
    others = [_Member(name, draw(member(spelled(name), VALUES)), False) for name in names if name not in without]
    order = draw(st.permutations([*counting, *others]))
    kept = [
        found.text
        for index, found in enumerate(order)
        if found.counts or found.name not in required or any(m.counts and m.name == found.name for m in order[index:])
    ]
    return "{" + (",".join(kept) or draw(SPACE)) + "}"


ID: Text = st.sampled_from(['"evt_1"', r'"evt\u005f1"'])
TIME: Text = st.sampled_from(['"2026-03-01T12:00:00Z"', r'"2026-03-01T12:00:00\u005a"'])
USER: Text = objects({"user_id": st.sampled_from(['"auth0|1"', r'"auth0|\u0031"', "null"])})
EVENT: Text = st.one_of(
    objects({"user": USER}), objects({"user": USER, "experiment": VALUES}), objects({}), st.just("{}")
)
NATIVE: Text = st.one_of(
    objects({"id": ID, "trigger": st.just('"post_login"'), "time": TIME, "event": EVENT}),
    objects({"trigger": st.just(r'"post\u005flogin"'), "event": EVENT}, without=("id", "time")),
)
CLOUD_EVENT: Text = objects(
    {"specversion": st.just('"1.0"'), "type": st.just('"auth0.trigger.post_login"'), "id": ID, "data": EVENT}
)
USER_CREATED: Text = objects(
    {
        "specversion": st.just('"1.0"'),
        "type": st.just('"user.created"'),
        "id": ID,
        "data": st.one_of(objects({"object": USER}), objects({"object": USER, "experiment": VALUES})),
    }
)
_LOG = {"type": st.just('"s"'), "log_id": ID}
LOG: Text = st.one_of(
    objects(_LOG, without=("details", "event")),
    objects({**_LOG, "details": st.one_of(st.just("null"), EVENT)}, without=("event",)),
)
WRAPPED: Text = objects({"log_id": ID, "data": LOG}, without=("event",))


def framed(document: Text) -> SearchStrategy[bytes]:
    """The document as the bytes of a record, with white space around it."""
    return st.builds(lambda before, text, after: f"{before}{text}{after}".encode(), SPACE, document, SPACE)


DOCUMENTS = {
    "native": framed(NATIVE),
    "cloud_event": framed(CLOUD_EVENT),
    "user_created": framed(USER_CREATED),
    "log": framed(LOG),
    "wrapped": framed(WRAPPED),
}
