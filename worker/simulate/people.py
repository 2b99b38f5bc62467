"""The people: each with a home, devices, an account and habits that stay for the whole log."""

from __future__ import annotations

import msgspec

from worker.simulate.clock import CONSUMERS, DAY, EMPLOYEES, SECOND, Rhythm, milliseconds
from worker.simulate.devices import Device, devices
from worker.simulate.dice import Dice, Quantiles
from worker.simulate.identities import Identity, identity
from worker.simulate.options import TrafficOptions
from worker.simulate.places import Place
from worker.simulate.tenants import TENANTS, Organization, Tenant

_EMPLOYED = 0.22
_NEWCOMERS = 0.45  # of the people register in the window, if the log has room for them
_REGISTRATIONS = 0.15  # at most so many registrations per line
_OFTEN = Quantiles((0, 0.02), (0.2, 0.1), (0.5, 0.35), (0.75, 0.9), (0.9, 2.2), (0.97, 6), (0.99, 14), (1, 40))
_STUMBLING = 0.05  # of the registrations fail at first


class Person(msgspec.Struct, frozen=True):
    """Somebody with an account, or about to register.

    `eagerness` is how often they come, compared with others. `registers` is when their registration begins, None if
    that was before the log; `created` is when the user was made; `logins` counts those before the log.
    """

    number: int
    tenant: Tenant
    place: Place
    organization: Organization | None
    identity: Identity
    devices: tuple[Device, ...]
    rhythm: Rhythm
    eagerness: float
    tells_device: bool
    has_factor: bool
    registers: int | None
    created: int
    logins: int


def populate(options: TrafficOptions, dice: Dice) -> list[Person]:
    """Make the people of a log."""
    newcomers = min(_NEWCOMERS, _REGISTRATIONS * options.events / options.people)
    return [_person(number, options, newcomers, dice) for number in range(options.people)]


def _person(number: int, options: TrafficOptions, newcomers: float, dice: Dice) -> Person:
    tenant = dice.draw(TENANTS)
    place = dice.draw(tenant.places)
    employed = dice.chance(_EMPLOYED)
    organization = dice.pick(tenant.organizations) if employed else None
    connection = dice.draw(tenant.employees if employed else tenant.consumers)
    settled = Person(
        number=number,
        tenant=tenant,
        place=place,
        organization=organization,
        identity=identity(number, connection, organization, place, dice),
        devices=devices(tenant, dice, employed=employed),
        rhythm=EMPLOYEES if employed else CONSUMERS,
        eagerness=_OFTEN.at(dice.roll()),
        tells_device=dice.chance(0.25),
        has_factor=dice.chance(0.6 if employed else 0.15),
        registers=None,
        created=milliseconds(options.start) - dice.between(DAY, 900 * DAY),
        logins=1 + int(200 * dice.roll() * dice.roll()),
    )
    return _newcomer(settled, options, dice) if dice.chance(newcomers) else settled


def _newcomer(person: Person, options: TrafficOptions, dice: Dice) -> Person:
    days = dice.roll() * options.days * 0.95
    registers = person.rhythm.later(milliseconds(options.start), days, person.place.offset)
    stumbles = not person.identity.connection.federated and dice.chance(_STUMBLING)
    pause = dice.between(30 * SECOND, 180 * SECOND) if stumbles else dice.between(200, 2 * SECOND)
    return msgspec.structs.replace(person, registers=registers, created=registers + pause, logins=0)
