"""Which endpoint an enrollment means."""

from __future__ import annotations

import pytest

from worker.delivery.endpoints import Endpoint, Endpoints, NoEndpointError
from worker.delivery.signing import Signer

WELCOME = Endpoint("welcome", "welcome", "https://h.example.com/in", Signer([]), {}, 15.0, 16, (5.0,))


def endpoints(*allow_urls: str, allow_http: bool = False) -> Endpoints:
    return Endpoints({"welcome": WELCOME}, allow_urls, Signer([]), allow_http=allow_http)


def test_a_name_is_a_configured_endpoint() -> None:
    assert endpoints().of("welcome") is WELCOME
    with pytest.raises(NoEndpointError, match=r"no endpoint 'other', expected one of webhooks\.endpoints"):
        endpoints().of("other")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/a",
        "https://hooks.example.com/a/",
        "https://hooks.example.com/a/b?x=1",
        "https://HOOKS.example.com:443/a/b",
    ],
)
def test_a_url_below_an_allowed_one_is_sent_to_as_it_is(url: str) -> None:
    found = endpoints("https://hooks.example.com/a").of(url)
    assert (found.url, found.label) == (url, "url")
    assert found.name.lower().startswith("https://hooks.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/ab",
        "https://hooks.example.com/",
        "https://hooks.example.com/a/../b",
        "https://hooks.example.com/a/%2e%2e/b",
        "https://hooks.example.com/a\\..\\b",
        "https://hooks.example.com.evil.example/a",
        "https://hooks.example.com:8443/a",
        "http://hooks.example.com/a",
        "https://hooks.example.com@evil.example/a",
        "https://user:password@hooks.example.com/a",
        "https:///a",
        "https://[::1/a",
        "ftp://hooks.example.com/a",
    ],
)
def test_any_other_url_is_none(url: str) -> None:
    with pytest.raises(NoEndpointError):
        endpoints("https://hooks.example.com/a").of(url)


def test_without_an_allowed_one_no_url_is() -> None:
    with pytest.raises(NoEndpointError, match=r"none that webhooks\.allow_urls allows"):
        endpoints().of("https://hooks.example.com/a")


def test_http_is_for_who_allows_it() -> None:
    assert (
        endpoints("http://h.example.com", allow_http=True).of("http://h.example.com/a").url == "http://h.example.com/a"
    )
