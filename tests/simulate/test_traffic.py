from __future__ import annotations

import hashlib
import re
from collections import Counter
from itertools import accumulate, chain, pairwise
from statistics import mean
from typing import get_args

import pytest

from tests.simulate.simulated import document, lives, log, readings, triggers
from worker.experiments.subjects import user_identities
from worker.formats.fields import parse_rfc3339
from worker.formats.read import Read
from worker.records import Skipped
from worker.simulate.clock import DAY, MINUTE, milliseconds
from worker.simulate.dialects import Aside, Dialect
from worker.simulate.options import START, Overrides, TrafficOptions
from worker.simulate.traffic import DISORDER, generate, generate_lines
from worker.trigger import Trigger, TriggerKind

NOT_FOR_DOCUMENTATION = re.compile(rb"@(?!example\.(?:com|org|net)|[a-z-]+\.example)", re.IGNORECASE)
DOCUMENTATION_IP = re.compile(r"(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}|2001:db8:[0-9a-f:]+")


def moment(trigger: Trigger) -> int:
    return milliseconds(parse_rfc3339(trigger.time or ""))


def digest(*, seed: int) -> str:
    lines = generate(TrafficOptions(events=300, people=40, malformed=0.05, seed=seed))
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def test_the_same_seed_makes_the_same_bytes_on_every_machine() -> None:
    assert digest(seed=3) == "aa32bf502a676ae6ab82f979f5322dc0cd6deff5dd3e9adc01b4e7a44e1af546"


def test_another_seed_makes_another_log() -> None:
    assert digest(seed=3) != digest(seed=4)


@pytest.mark.parametrize(("events", "people"), [(0, 5), (1, 1), (7, 300), (500, 1)])
def test_a_log_has_as_many_lines_as_asked_for(events: int, people: int) -> None:
    assert len(list(generate(TrafficOptions(events=events, people=people)))) == events


def test_a_longer_log_of_as_many_people_begins_before_the_shorter_one_ends() -> None:
    short, long = (list(generate_lines(TrafficOptions(events=events, people=100))) for events in (500, 2000))

    assert long[499].arrival < short[-1].arrival


def test_every_dialect_occurs_and_native_events_are_the_majority() -> None:
    kinds = Counter(line.kind for line in log())

    assert set(kinds) == {*get_args(Dialect), *get_args(Aside)}
    assert kinds["trigger"] > len(log()) / 2


def test_a_worker_reads_every_line_and_skips_the_others_types() -> None:
    for line, seen in readings(log()):
        assert isinstance(seen, Skipped) == (line.kind in get_args(Aside))


def test_every_dialect_tells_of_the_triggers_that_it_can() -> None:
    seen: dict[str, set[TriggerKind]] = {}
    for line, trigger in triggers():
        seen.setdefault(line.kind, set()).add(trigger.kind)

    assert seen == {
        "trigger": {"pre_user_registration", "post_user_registration", "post_login"},
        "cloudevent": {"pre_user_registration", "post_user_registration", "post_login"},
        "user_created": {"post_user_registration"},
        "log": {"post_user_registration", "post_login"},
        "wrapped_log": {"post_user_registration", "post_login"},
    }


def test_ids_are_unique_but_for_redelivered_records_which_are_the_same_bytes() -> None:
    copies = Counter(line.value for line in log())
    ids = Counter(trigger.id for _, trigger in triggers())

    assert set(ids.values()) == {1}
    assert 0 < copies.total() - len(copies) < 0.01 * len(log())


def test_lines_stand_in_the_order_of_event_time_but_for_the_stated_disorder() -> None:
    times = [moment(seen.trigger) for _, seen in readings(log()) if isinstance(seen, Read)]
    latest = accumulate(times, max)

    delays = [before - time for time, before in zip(times, latest, strict=True)]
    assert 0 < max(delays) <= DISORDER


def test_somebody_registers_before_they_log_in() -> None:
    order: list[TriggerKind] = ["pre_user_registration", "post_user_registration", "post_login"]
    newcomers = [told for told in lives().values() if told[0].kind != "post_login"]

    assert len(newcomers) > 100
    for told in newcomers:
        steps = [order.index(trigger.kind) for trigger in told]
        assert steps == sorted(steps)


def test_most_newcomers_log_in_moments_after_they_registered() -> None:
    first_logins = []
    for before, after in chain.from_iterable(pairwise(told) for told in lives().values()):
        if (before.kind, after.kind) == ("post_user_registration", "post_login"):
            first_logins.append(moment(after) - moment(before))

    quick = [pause for pause in first_logins if pause < 10 * MINUTE]
    assert 0.75 < len(quick) / len(first_logins) < 1


def test_all_that_one_person_does_has_one_bucketing_key() -> None:
    for told in lives().values():
        identities = [user_identities(trigger) for trigger in told]
        assert len({found.bucketing_key for found in identities if found}) == 1
        assert all(identities)


def test_before_the_registration_there_is_no_user_id_and_after_it_always_the_same() -> None:
    for told in lives().values():
        assert {trigger.user_id is None for trigger in told if trigger.kind == "pre_user_registration"} <= {True}
        assert len({trigger.user_id for trigger in told if trigger.kind != "pre_user_registration"}) <= 1


def test_other_companies_accounts_never_sign_up() -> None:
    signed_up = {trigger.connection_type for _, trigger in triggers() if trigger.kind == "pre_user_registration"}

    assert signed_up == {"auth0", "email", "sms"}


def test_a_login_is_told_in_one_dialect_only() -> None:
    numbers = Counter(
        (line.person, trigger.event["stats"]["logins_count"])
        for line, trigger in triggers()
        if trigger.kind == "post_login" and "stats" in trigger.event
    )

    assert set(numbers.values()) == {1}


def test_native_logins_are_as_large_as_real_ones() -> None:
    sizes = [len(line.value) for line, trigger in triggers() if (line.kind, trigger.kind) == ("trigger", "post_login")]

    assert 1400 < mean(sizes) < 2000


@pytest.mark.parametrize(("events", "people", "days"), [(4000, 400, 30), (3000, 20, 30), (1000, 1000, 7)])
def test_a_log_lasts_about_its_days(events: int, people: int, days: int) -> None:
    lines = list(generate_lines(TrafficOptions(events=events, people=people, days=days)))

    assert milliseconds(START) <= lines[0].arrival
    assert 0.75 < (lines[-1].arrival - milliseconds(START)) / DAY / days < 1.25


def test_weekends_are_quieter() -> None:
    days = Counter((line.arrival - milliseconds(START)) // DAY % 7 for line in log())

    assert max(days[5], days[6]) < min(days[day] for day in range(5))


def test_few_people_make_most_of_the_logins() -> None:
    logins = Counter(line.person for line, trigger in triggers() if trigger.kind == "post_login")
    busiest = sum(count for _, count in logins.most_common(len(logins) // 10))

    assert busiest > 0.4 * logins.total()


def test_people_stay_at_home_but_for_a_few_journeys() -> None:
    countries = [Counter(trigger.country for trigger in told if trigger.country) for told in lives().values()]
    at_home = sum(max(seen.values(), default=0) for seen in countries)

    assert 0.95 < at_home / sum(seen.total() for seen in countries) < 1


def test_connections_organisations_and_tenants_vary() -> None:
    seen = [trigger for _, trigger in triggers()]

    assert {trigger.connection_type for trigger in seen} == {"auth0", "google-oauth2", "apple", "samlp", "email", "sms"}
    assert {trigger.tenant for trigger in seen} == {"acme-prod", "acme-eu"}
    assert len({trigger.organization_id for trigger in seen}) > 4
    assert len({trigger.client_id for trigger in seen}) > 8
    assert len({trigger.country for trigger in seen}) > 10
    assert len({trigger.user_agent for trigger in seen}) > 15


def test_addresses_are_sometimes_typed_with_capitals_or_spaces() -> None:
    addresses = [trigger.email or "" for _, trigger in triggers()]

    assert any(address != address.lower() for address in addresses)
    assert any(address != address.strip() for address in addresses)


def test_people_of_sms_have_a_telephone_number_and_no_address() -> None:
    told = [trigger for _, trigger in triggers() if trigger.connection_type == "sms" and not trigger.username]

    assert told
    for trigger in told:
        assert trigger.email is None
        assert re.fullmatch(r"\+1\d{3}55501\d\d", trigger.phone_number or "")


def test_nobody_is_real() -> None:
    addresses = {trigger.event["request"].get("ip") for _, trigger in triggers()}

    assert all(DOCUMENTATION_IP.fullmatch(address) for address in addresses if address)
    assert not [line.value for line in log() if NOT_FOR_DOCUMENTATION.search(line.value)]


def test_a_few_percent_of_the_requests_carry_overrides() -> None:
    queries = [trigger.query for line, trigger in triggers() if line.kind in {"trigger", "cloudevent"}]
    tests = [query for query in queries if set(query) & {"experiment_id", "variation_id", "segment_id"}]

    assert 0.02 < len(tests) / len(queries) < 0.06
    assert any("experiment_id" not in query for query in tests)
    assert any("variation_id" not in query for query in tests)


def test_overrides_name_the_experiments_that_are_given() -> None:
    tried = Overrides(tenant="acme-prod", experiment_id="exp_mine", variation_ids=("var_mine",))
    lines = generate_lines(TrafficOptions(events=3000, people=100, overrides=(tried,)))

    queries = [seen.trigger.query for _, seen in readings(lines) if isinstance(seen, Read)]
    assert {query.get("variation_id") for query in queries} == {None, "", "var_mine", "var_misspelt"}
    assert "exp_mine" in {query.get("experiment_id") for query in queries}


def test_the_event_streams_tell_the_context_of_a_new_user() -> None:
    created = next(document(line) for line in log() if line.kind == "user_created")

    assert set(created["data"]["context"]) == {"client", "connection", "request", "tenant"}
    assert created["a0tenant"] == created["data"]["context"]["tenant"]["id"]
