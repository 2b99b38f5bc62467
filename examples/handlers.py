"""The five documented uses of an experiment, as handlers.

The types are optional: they tell an editor what `event` and `api` have.
"""

from worker import Handlers
from worker.handlers.api import PostLoginApi, PostUserRegistrationApi, PreUserRegistrationApi
from worker.handlers.events import PostLoginEvent, PostUserRegistrationEvent, PreUserRegistrationEvent

handlers = Handlers()


@handlers.post_login
def conditional_mfa(event: PostLoginEvent, api: PostLoginApi) -> None:
    """Demand a second factor where the variation says so."""
    if event.experiment and event.experiment.config["require_mfa"].value is True:
        api.multifactor.enable("any", allow_remember_browser=False)


@handlers.post_login
def experiment_claim(event: PostLoginEvent, api: PostLoginApi) -> None:
    """Tell the application which variation the user has."""
    if event.experiment:
        api.id_token.set_custom_claim(
            "https://example.com/experiment",
            {"experiment_id": event.experiment.experiment_id, "variation_id": event.experiment.variation_id},
        )


@handlers.pre_user_registration
def onboarding_metadata(event: PreUserRegistrationEvent, api: PreUserRegistrationApi) -> None:
    """Store the onboarding variant with the new user."""
    if event.experiment:
        api.user.set_user_metadata("onboarding_variant", event.experiment.config["onboarding_variant"].value)
        api.user.set_user_metadata("onboarding_experiment_id", event.experiment.experiment_id)


@handlers.post_user_registration
def welcome_program(event: PostUserRegistrationEvent, api: PostUserRegistrationApi) -> None:
    """Enrol new users of the treatment in the welcome programme; control users follow the standard path."""
    if event.experiment and event.experiment.config["enroll_welcome_program"].value is True:
        api.enroll(
            "welcome-program",
            {
                "user_id": event.user.user_id,
                "email": event.user.email,
                "experiment_id": event.experiment.experiment_id,
                "variation_id": event.experiment.variation_id,
            },
        )


@handlers.post_login
def track_treatment(event: PostLoginEvent, api: PostLoginApi) -> None:
    """Tell the analytics system of treatment users only."""
    if event.experiment and not event.experiment.is_control:
        api.enroll(
            "analytics",
            {
                "experiment_id": event.experiment.experiment_id,
                "variation_id": event.experiment.variation_id,
                "user_id": event.user.user_id,
            },
        )
