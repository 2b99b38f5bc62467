"""Which addresses may be dialled: public ones, and the networks that the operator allows.

The lists are those of IANA's special-purpose registries (RFC 6890 and its updates). `ipaddress.is_global` alone says
yes to multicast and to what leads into IPv4 by other ways (NAT64, 6to4, Teredo), and knows no cloud's own addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_PUBLIC_6 = IPv6Network("2000::/3")  # all that IANA gives to networks; the rest is local, mapped, multicast or unused
_FORBIDDEN_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocols, Teredo among them
        "2001:db8::/32",  # examples
        "2002::/16",  # 6to4: leads to any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # examples
    )
)
_FORBIDDEN_4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's metadata
        "169.254.0.0/16",  # link-local, most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols, Oracle's metadata
        "192.0.2.0/24",  # examples
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4's relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # examples
        "203.0.113.0/24",  # examples
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # unused, broadcast
    )
)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return networks in CIDR notation; an address is a network of one.

    Raises:
        ValueError: one is none.
    """
    return tuple(ip_network(text) for text in texts)


def may_dial(address: str, allowed: Sequence[Network]) -> bool:
    """Tell whether an address, as the system resolved it, may be dialled."""
    try:
        found = ip_address(address.partition("%")[0])  # without the interface of a link-local one
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if any(found in network for network in allowed):
        return True
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _FORBIDDEN_4)
    return found in _PUBLIC_6 and not any(found in network for network in _FORBIDDEN_6)
