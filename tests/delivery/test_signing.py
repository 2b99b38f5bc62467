"""Signatures: the published vector, and what the reference implementation accepts."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from worker.delivery.signing import Signer, key_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published
OTHER = "whsec_" + b64encode(bytes(range(32))).decode()
BODY = '{"test": 2432232314}'


def test_the_published_vector_holds() -> None:
    found = Signer([SECRET]).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, BODY.encode())
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_receivers_with_the_old_and_the_new_secret_accept_what_both_have_signed(secret: str) -> None:
    headers = Signer([SECRET, OTHER]).headers("msg_1", int(time.time()), BODY.encode())
    assert Webhook(secret).verify(BODY, headers) == {"test": 2432232314}


def test_a_receiver_notices_another_body() -> None:
    headers = Signer([SECRET]).headers("msg_1", int(time.time()), BODY.encode())
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + " ", headers)


def test_without_a_secret_nothing_is_signed_and_the_id_is_there() -> None:
    assert set(Signer([]).headers("msg_1", 1, b"{}")) == {"webhook-id", "webhook-timestamp"}
    assert not Signer([]).signs


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_c2hvcnQ=",
        SECRET.removeprefix("whsec_"),
        "whsec_ä",
        "whsec_" + b64encode(bytes(65)).decode(),
    ],
)
def test_what_is_no_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="expected whsec_ and 24 to 64 bytes in base64") as caught:
        key_of(secret)
    assert secret in {"", "whsec_"} or secret not in str(caught.value)
