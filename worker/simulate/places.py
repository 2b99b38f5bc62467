"""Where people live: regions with their geography as `request.geoip` tells it.

Offsets are those of January and stay fixed over a log: the zone database differs between machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from worker.simulate.clock import HOUR
from worker.simulate.dice import Weighted


class Place(msgspec.Struct, frozen=True):
    """A home: `culture` chooses names, `language` is a BCP 47 tag, `offset` is milliseconds east of UTC.

    `geoip` has the members of the Actions reference.
    """

    culture: str
    language: str
    offset: int
    geoip: Mapping[str, Any]


class _Row(NamedTuple):
    """A place and how many live there; codes stand before names, the zone has its hours east of UTC."""

    share: int
    culture: str
    language: str
    country: str
    region: str
    city: str
    zone: tuple[str, float]
    latitude: float
    longitude: float


def _place(row: _Row) -> Place:
    country, _, country_name = row.country.partition(" ")
    region, _, region_name = row.region.partition(" ")
    time_zone, hours_east = row.zone
    geoip = {
        "countryCode": country,
        "countryName": country_name,
        "subdivisionCode": region,
        "subdivisionName": region_name,
        "cityName": row.city,
        "latitude": row.latitude,
        "longitude": row.longitude,
        "timeZone": time_zone,
    }
    return Place(culture=row.culture, language=row.language, offset=int(hours_east * HOUR), geoip=geoip)


_US, _CA, _DE = "US United States", "CA Canada", "DE Germany"
_PACIFIC, _CENTRAL, _EASTERN = ("America/Los_Angeles", -8), ("America/Chicago", -6), ("America/New_York", -5)
_TORONTO, _BERLIN = ("America/Toronto", -5), ("Europe/Berlin", 1)
_BRASILIA, _MELBOURNE = ("America/Sao_Paulo", -3), ("Australia/Melbourne", 11)

_EUROPEAN = (
    _Row(8, "english", "en-GB", "GB United Kingdom", "ENG England", "London", ("Europe/London", 0), 51.507, -0.128),
    _Row(5, "german", "de-DE", _DE, "BE Land Berlin", "Berlin", _BERLIN, 52.52, 13.405),
    _Row(4, "german", "de-DE", _DE, "BY Bavaria", "München", _BERLIN, 48.135, 11.582),
    _Row(5, "french", "fr-FR", "FR France", "IDF Île-de-France", "Paris", ("Europe/Paris", 1), 48.857, 2.352),
    _Row(3, "spanish", "es-ES", "ES Spain", "MD Madrid", "Madrid", ("Europe/Madrid", 1), 40.417, -3.704),
    _Row(2, "polish", "pl-PL", "PL Poland", "14 Mazovia", "Warszawa", ("Europe/Warsaw", 1), 52.23, 21.012),
    _Row(2, "nordic", "sv-SE", "SE Sweden", "AB Stockholm", "Stockholm", ("Europe/Stockholm", 1), 59.329, 18.069),
    _Row(2, "turkish", "tr-TR", "TR Türkiye", "34 İstanbul", "İstanbul", ("Europe/Istanbul", 3), 41.008, 28.978),
)
_OTHERS = (
    _Row(14, "english", "en-US", _US, "CA California", "San Francisco", _PACIFIC, 37.775, -122.419),
    _Row(10, "english", "en-US", _US, "NY New York", "New York", _EASTERN, 40.713, -74.006),
    _Row(8, "spanish", "en-US", _US, "TX Texas", "Austin", _CENTRAL, 30.267, -97.743),
    _Row(6, "english", "en-US", _US, "IL Illinois", "Chicago", _CENTRAL, 41.878, -87.63),
    _Row(4, "english", "en-CA", _CA, "ON Ontario", "Toronto", _TORONTO, 43.653, -79.383),
    _Row(2, "french", "fr-CA", _CA, "QC Quebec", "Montréal", _TORONTO, 45.502, -73.567),
    _Row(5, "portuguese", "pt-BR", "BR Brazil", "SP São Paulo", "Campinas", _BRASILIA, -22.907, -47.063),
    _Row(3, "spanish", "es-MX", "MX Mexico", "PUE Puebla", "Puebla", ("America/Mexico_City", -6), 19.041, -98.206),
    _Row(5, "indian", "en-IN", "IN India", "KA Karnataka", "Bengaluru", ("Asia/Kolkata", 5.5), 12.972, 77.595),
    _Row(4, "japanese", "ja-JP", "JP Japan", "13 Tokyo", "Tokyo", ("Asia/Tokyo", 9), 35.676, 139.65),
    _Row(3, "english", "en-AU", "AU Australia", "VIC Victoria", "Melbourne", _MELBOURNE, -37.814, 144.963),
)
EUROPE = Weighted(*((_place(row), row.share) for row in _EUROPEAN))
WORLD = Weighted(*((_place(row), row.share) for row in _EUROPEAN + _OTHERS))
