"""One visit of one person: when, where from, with what, and what the request's query says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from worker.simulate.devices import Device
from worker.simulate.dice import Dice, Weighted
from worker.simulate.options import Overrides
from worker.simulate.people import Person
from worker.simulate.places import Place
from worker.simulate.tenants import Client

_FAVOURITE = 0.75  # of the visits are with the favourite device, and the favourite application of a device
_TRAVELLING = 0.02
_TESTING = 0.035  # of the visits carry overrides


class Visit(msgspec.Struct, frozen=True):
    """A visit; `count` is which login of the person this is, `extras` what the query has beside the usual."""

    person: Person
    time: int
    count: int
    device: Device
    client: Client
    place: Place
    extras: Mapping[str, str]


class Visits:
    """Makes visits; `overrides` are what testers try out."""

    def __init__(self, overrides: tuple[Overrides, ...], dice: Dice) -> None:
        self._overrides = {tried.tenant: tried for tried in overrides}
        self._dice = dice

    def make(self, person: Person, time: int, count: int) -> Visit:
        """Make a visit at that time."""
        dice = self._dice
        device = person.devices[0] if dice.chance(_FAVOURITE) else dice.pick(person.devices)
        return Visit(
            person=person,
            time=time,
            count=count,
            device=device,
            client=device.clients[0] if dice.chance(_FAVOURITE) else dice.pick(device.clients),
            place=dice.draw(person.tenant.places) if dice.chance(_TRAVELLING) else person.place,
            extras=self._extras(person, device),
        )

    def _extras(self, person: Person, device: Device) -> Mapping[str, str]:
        tried = self._overrides.get(person.tenant.id)
        extras = {"device_id": device.id} if person.tells_device else {}
        if tried is not None and self._dice.chance(_TESTING):
            extras |= self._dice.draw(_TESTS)(tried, self._dice)
        return extras


Test = Callable[[Overrides, Dice], dict[str, str]]


def _experiment(tried: Overrides, _: Dice) -> dict[str, str]:
    return {"experiment_id": tried.experiment_id}


def _variation(tried: Overrides, dice: Dice) -> dict[str, str]:
    return {"experiment_id": tried.experiment_id, "variation_id": dice.pick(tried.variation_ids)}


def _segment(tried: Overrides, dice: Dice) -> dict[str, str]:
    """Name a segment; an experiment without segments is asked for one all the same."""
    segment = dice.pick(tried.segment_ids or ("seg_of_no_experiment",))
    return {"experiment_id": tried.experiment_id, "segment_id": segment}


def _variation_and_segment(tried: Overrides, dice: Dice) -> dict[str, str]:
    return _segment(tried, dice) | _variation(tried, dice)


def _unknown_experiment(_: Overrides, dice: Dice) -> dict[str, str]:
    return {"experiment_id": f"exp_forgotten_{dice.digits(3)}"}


def _unknown_variation(tried: Overrides, _: Dice) -> dict[str, str]:
    return {"experiment_id": tried.experiment_id, "variation_id": "var_misspelt"}


def _orphaned_variation(tried: Overrides, dice: Dice) -> dict[str, str]:
    return {"variation_id": dice.pick(tried.variation_ids)}


def _orphaned_segment(tried: Overrides, dice: Dice) -> dict[str, str]:
    return {"segment_id": dice.pick(tried.segment_ids or ("seg_of_no_experiment",))}


def _emptied(tried: Overrides, _: Dice) -> dict[str, str]:
    return {"experiment_id": tried.experiment_id, "variation_id": ""}


_TESTS: Weighted[Test] = Weighted(
    (_experiment, 22),
    (_variation, 34),
    (_segment, 10),
    (_variation_and_segment, 4),
    (_unknown_experiment, 10),
    (_unknown_variation, 6),
    (_orphaned_variation, 6),
    (_orphaned_segment, 4),
    (_emptied, 4),
)
