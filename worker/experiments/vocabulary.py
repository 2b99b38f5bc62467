"""The closed lists of the decision: reasons, methods, warnings."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "split",  # drawn and stored
    "sticky",  # the subject's own record
    "linked",  # the record of another identity of the event
    "reassigned",  # drawn anew: the recorded variation is no longer allocated
    "segment",  # the first segment that holds
    "fallback",  # no segment holds
    "explicit",  # the request named the experiment
    "forced",  # the request named the variation or the segment
    "store_down",  # drawn without the store
    "no_experiment",  # null: nothing runs for this tenant and flow
    "no_subject",  # null: the event names nobody
    "not_in_ramp",  # null: the current level leaves the subject out
    "paused",  # null: no new assignments
    "not_found",  # null: an override names what is not there, or the record what these definitions don't have
]
Method = Literal["auto", "explicit", "forced"]
WarningCode = Literal[
    "experiment_not_found",  # an override names what is not there
    "experiment_orphaned_params",  # an override of a variation or segment without its experiment
    "experiment_circuit_open",  # decided without the store
    "definitions_behind",  # the record is newer than these definitions
]
