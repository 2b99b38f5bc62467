"""Run experiments on the stream of authentication events.

Handler authors write `from worker import Handlers`; everything else is the worker's.
"""

from worker.handlers.registry import Handlers

__all__ = ["Handlers"]
