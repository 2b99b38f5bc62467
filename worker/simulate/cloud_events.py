"""CloudEvents 1.0: triggers, and what Event Streams tell of users."""

from __future__ import annotations

from worker.simulate.clock import rfc3339
from worker.simulate.dice import Dice
from worker.simulate.events import Document, user
from worker.simulate.tenants import Tenant
from worker.simulate.visits import Visit

_GEO = {
    "continentCode": "continent_code",
    "countryCode": "country_code",
    "countryName": "country_name",
    "subdivisionCode": "subdivision_code",
    "subdivisionName": "subdivision_name",
    "cityName": "city_name",
    "latitude": "latitude",
    "longitude": "longitude",
    "timeZone": "time_zone",
}


def of_trigger(trigger: str, event: Document, visit: Visit, dice: Dice) -> Document:
    """Wrap the event object of a trigger."""
    return {
        "specversion": "1.0",
        "type": f"auth0.trigger.{trigger}",
        "source": visit.person.tenant.source,
        "id": f"evt_{dice.hex(16)}",
        "time": rfc3339(visit.time),
        "datacontenttype": "application/json",
        "data": event,
    }


def user_created(visit: Visit, dice: Dice) -> Document:
    """Tell of a new user, with the request that made them."""
    data = {"object": user(visit), "context": _context(visit)}
    return _of_stream("user.created", visit.person.tenant, visit.time, data, dice)


def user_updated(visit: Visit, dice: Dice) -> Document:
    """Tell of a changed user."""
    return _of_stream("user.updated", visit.person.tenant, visit.time, {"object": user(visit)}, dice)


def user_deleted(visit: Visit, dice: Dice) -> Document:
    """Tell that an account which nobody used was cleared away; it is none of the visitor's."""
    account = {"user_id": f"auth0|{dice.hex(24)}", "deleted_at": rfc3339(visit.time)}
    return _of_stream("user.deleted", visit.person.tenant, visit.time, {"object": account}, dice)


def _of_stream(name: str, tenant: Tenant, time: int, data: Document, dice: Dice) -> Document:
    return {
        "specversion": "1.0",
        "type": name,
        "source": tenant.source,
        "id": f"evt_{dice.hex(16)}",
        "time": rfc3339(time),
        "data": data,
        "a0tenant": tenant.id,
        "a0stream": tenant.stream,
    }


def _context(visit: Visit) -> Document:
    connection = visit.person.identity.connection
    return {
        "client": {"id": visit.client.client_id, "name": visit.client.name, "metadata": visit.client.metadata},
        "connection": {"id": connection.id, "name": connection.name, "strategy": connection.strategy},
        "request": {
            "geo": {_GEO[name]: value for name, value in visit.place.geoip.items() if name in _GEO},
            "hostname": visit.person.tenant.hostname,
            "ip": visit.device.ip,
            "method": "POST",
            "user_agent": visit.device.agent.text,
        },
        "tenant": {"id": visit.person.tenant.id},
    }
