"""Run handlers in a test: no broker, no store, no settings.

    from worker.testing import Command, experiment, run
    from handlers import handlers

    def test_the_treatment_demands_a_second_factor():
        ran = run(handlers, "post_login", experiment=experiment(config={"require_mfa": True}))
        assert ran.commands == [Command("multifactor.enable", ["any", {"allowRememberBrowser": False}])]

Handlers run as in the worker, by the same dispatcher. What a handler raises is raised in the test.
"""

from worker.testing.events import event
from worker.testing.experiments import Experiment, experiment
from worker.testing.results import Command, Enrollment, HandlerTimeoutError, Ran
from worker.testing.running import arun, run

__all__ = [
    "Command",
    "Enrollment",
    "Experiment",
    "HandlerTimeoutError",
    "Ran",
    "arun",
    "event",
    "experiment",
    "run",
]
