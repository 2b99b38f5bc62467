"""The handlers of the workers under test: what each event is due follows from its trigger and variation alone."""

from __future__ import annotations

import os
import re

from worker import Handlers
from worker.handlers.api import PostLoginApi, PostUserRegistrationApi, PreUserRegistrationApi
from worker.handlers.events import PostLoginEvent, PostUserRegistrationEvent, PreUserRegistrationEvent

CRASHED = 70
CLAIM = "https://faults.example/variation"

handlers = Handlers()


@handlers.post_login
def claim(event: PostLoginEvent, api: PostLoginApi) -> None:
    """Record one command, or fail, end the process or freeze it where the traffic planted that."""
    if event.client.name == "fails" and "MENDED" not in os.environ:
        raise RuntimeError(event.user.email)
    if event.client.name == "crashes":
        os._exit(CRASHED)
    if event.client.name == "freezes":
        re.fullmatch("(a+)+b", "a" * 64)  # longer than anybody waits, inside C and with the interpreter's lock
    if event.experiment:
        api.id_token.set_custom_claim(CLAIM, event.experiment.variation_id)


@handlers.pre_user_registration
def remember(event: PreUserRegistrationEvent, api: PreUserRegistrationApi) -> None:
    """Record one command."""
    if event.experiment:
        api.user.set_user_metadata("variation", event.experiment.variation_id)


@handlers.post_user_registration
def enroll(event: PostUserRegistrationEvent, api: PostUserRegistrationApi) -> None:
    """Enrol new users of the treatments."""
    if event.experiment and event.experiment.config["enroll"].value is True:
        api.enroll("welcome", {"email": event.user.email, "variation": event.experiment.variation_id})
