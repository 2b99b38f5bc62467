"""What a simulation is asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

MAX_PEOPLE = 1_000_000
MAX_DAYS = 3650
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday

_FIRST_YEAR, _LAST_YEAR = 1970, 2200


class WrongTrafficError(ValueError):
    """An option is out of its range; the message names it, what was found and what was expected."""


class Overrides(msgspec.Struct, frozen=True):
    """What testers of one tenant put into `request.query`: an experiment with its variations and segments."""

    tenant: str
    experiment_id: str
    variation_ids: tuple[str, ...]
    segment_ids: tuple[str, ...] = ()


EXAMPLE_OVERRIDES = (
    Overrides(
        tenant="acme-prod",
        experiment_id="exp_passkeys_ramp",
        variation_ids=("var_passkeys_control", "var_passkeys_treatment", "var_passkeys_mfa"),
    ),
    Overrides(
        tenant="acme-eu",
        experiment_id="exp_onboarding_by_segment",
        variation_ids=("var_onboarding_classic", "var_onboarding_mobile", "var_onboarding_enterprise"),
        segment_ids=("seg_mobile", "seg_enterprise"),
    ),
)


class TrafficOptions(msgspec.Struct, frozen=True):
    """A log of `events` lines over about `days` days from `start`, made by `people` people.

    `malformed` is the share of lines (0 to 1) that are replaced by bad input. The same options make the same bytes.

    Raises:
        WrongTrafficError: an option is out of its range.
    """

    events: int = 10_000
    people: int = 1_000
    seed: int = 0
    malformed: float = 0.0
    start: datetime = START
    days: int = 30
    overrides: tuple[Overrides, ...] = EXAMPLE_OVERRIDES

    def __post_init__(self) -> None:
        _check("events", self.events, "0 or more", ok=self.events >= 0)
        _check("people", self.people, f"1 to {MAX_PEOPLE:,}", ok=1 <= self.people <= MAX_PEOPLE)
        _check("seed", self.seed, "0 or more", ok=self.seed >= 0)
        _check("malformed", self.malformed, "a share from 0 to 1", ok=0 <= self.malformed <= 1)
        _check("days", self.days, f"1 to {MAX_DAYS}", ok=1 <= self.days <= MAX_DAYS)
        zoned = self.start.tzinfo is not None
        expected = f"a time with a zone, of the years {_FIRST_YEAR} to {_LAST_YEAR}"
        _check("start", self.start, expected, ok=zoned and _FIRST_YEAR <= self.start.year <= _LAST_YEAR)


def _check(name: str, found: object, expected: str, *, ok: bool) -> None:
    if not ok:
        raise WrongTrafficError(f"{name} is {found}, expected {expected}")
