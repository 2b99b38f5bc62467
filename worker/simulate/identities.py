"""Who people are to a tenant: their user id and what else tells them apart."""

from __future__ import annotations

import msgspec

from worker.simulate.dice import Dice, Weighted
from worker.simulate.names import CULTURES
from worker.simulate.places import Place
from worker.simulate.tenants import Connection, Organization

_DOMAINS = Weighted(("example.com", 45), ("example.org", 20), ("example.net", 20), ("post.example", 15))
_SPELLINGS = Weighted(("plain", 86), ("capitals", 8), ("spaces", 6))
_USERNAMES = Weighted(("none", 82), ("besides", 13), ("only", 5))


class Identity(msgspec.Struct, frozen=True):
    """An account.

    `typed_email` is the address as its owner writes it, `email` as it is kept: here trimmed and in lower case, in other
    companies' accounts trimmed only.
    """

    connection: Connection
    user_id: str
    given_name: str
    family_name: str
    email: str | None = None
    typed_email: str | None = None
    phone_number: str | None = None
    username: str | None = None

    @property
    def first_link(self) -> str:
        """What tells them apart before they have a user id."""
        return self.email or self.phone_number or self.username or self.user_id


def identity(
    number: int, connection: Connection, organization: Organization | None, place: Place, dice: Dice
) -> Identity:
    """Make the account of person `number`; the number keeps addresses, usernames and telephone numbers apart."""
    culture = CULTURES[place.culture]
    given, family = dice.pick(culture.given), dice.pick(culture.family)
    domain = organization.domain if organization else dice.draw(_DOMAINS)
    address = f"{given.ascii}.{family.ascii}{number}@{domain}"
    names = dice.draw(_USERNAMES) if connection.strategy == "auth0" and organization is None else "none"
    mailed = connection.strategy != "sms" and names != "only"
    typed = _typed(address, dice)
    return Identity(
        connection=connection,
        user_id=_user_id(connection, address, dice),
        given_name=given.text,
        family_name=family.text,
        email=None if not mailed else typed.strip() if connection.federated else address,
        typed_email=typed if mailed else None,
        phone_number=_phone_number(number) if connection.strategy == "sms" else None,
        username=None if names == "none" else f"{given.ascii[:1]}_{family.ascii}{number}",
    )


def _typed(address: str, dice: Dice) -> str:
    match dice.draw(_SPELLINGS):
        case "capitals":
            return address.title()
        case "spaces":
            return f" {address}" if dice.chance(0.3) else f"{address} "
        case _:
            return address


def _user_id(connection: Connection, address: str, dice: Dice) -> str:
    match connection.strategy:
        case "samlp":
            return f"{connection.prefix}|{address}"
        case "google-oauth2":
            return f"{connection.prefix}|{dice.digits(21)}"
        case "apple":
            return f"{connection.prefix}|{dice.digits(6)}.{dice.hex(32)}.{dice.digits(4)}"
        case _:
            return f"{connection.prefix}|{dice.hex(24)}"


def _phone_number(number: int) -> str:
    """Return a number of those that are kept for fiction: 555-01xx of an area (beyond 80,000, with a longer area)."""
    area, line = divmod(number, 100)
    return f"+1{200 + area}55501{line:02d}"
