"""What people log in from, and with which applications."""

from __future__ import annotations

import msgspec

from worker.simulate.agents import DESKTOPS, MOBILES, PROGRAMS, TABLETS, Agent
from worker.simulate.dice import Dice, Weighted
from worker.simulate.tenants import Client, Tenant

_PROGRAMS = 0.01  # of consumers: scripts and monitors that log in
_COUNTS = Weighted((1, 50), (2, 35), (3, 15))
_CONSUMERS = Weighted((MOBILES, 55), (DESKTOPS, 36), (TABLETS, 9))
_EMPLOYEES = Weighted((DESKTOPS, 75), (MOBILES, 20), (TABLETS, 5))
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")  # kept for documentation, as is 2001:db8::/32
_IPV6 = 0.2


class Device(msgspec.Struct, frozen=True):
    """Something to log in from; `clients` are the applications on it, the favourite first."""

    id: str
    agent: Agent
    ip: str
    clients: tuple[Client, ...]


def devices(tenant: Tenant, dice: Dice, *, employed: bool) -> tuple[Device, ...]:
    """Make the one to three devices of a person, the favourite first."""
    if not employed and dice.chance(_PROGRAMS):
        return (_device(dice.draw(PROGRAMS), tenant, dice, employed=False),)
    agents = [dice.draw(dice.draw(_EMPLOYEES if employed else _CONSUMERS)) for _ in range(dice.draw(_COUNTS))]
    return tuple(_device(agent, tenant, dice, employed=employed) for agent in agents)


def _device(agent: Agent, tenant: Tenant, dice: Dice, *, employed: bool) -> Device:
    clients = [client for client in tenant.clients if agent.kind in client.kinds and client.for_employees == employed]
    favourite = dice.between(0, len(clients))
    return Device(
        id=f"dev_{dice.hex(16)}",
        agent=agent,
        ip=_ip(dice),
        clients=(*clients[favourite:], *clients[:favourite]),
    )


def _ip(dice: Dice) -> str:
    if dice.chance(_IPV6):
        groups = (f"{dice.between(0, 1 << 16):x}" for _ in range(6))
        return "2001:db8:" + ":".join(groups)
    return f"{dice.pick(_NETWORKS)}.{dice.between(1, 255)}"
