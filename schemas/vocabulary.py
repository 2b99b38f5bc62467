"""The closed lists that records speak with."""

from __future__ import annotations

from typing import Literal

TriggerName = Literal["post_login", "pre_user_registration", "post_user_registration"]
AssignmentMethod = Literal["auto", "explicit", "forced"]
SubjectType = Literal["user", "identifier", "device"]
ContextReason = Literal[
    "split", "sticky", "linked", "reassigned", "segment", "fallback", "explicit", "forced", "store_down"
]
NullReason = Literal["no_experiment", "no_subject", "not_in_ramp", "paused", "not_found"]
WarningCode = Literal[
    "experiment_not_found", "experiment_orphaned_params", "experiment_circuit_open", "definitions_behind"
]
DeviceType = Literal["mobile", "tablet", "desktop", "bot", "other"]
DeadLetterReason = Literal[
    "empty",
    "too_large",
    "invalid_utf8",
    "not_json",
    "too_deep",
    "lone_surrogate",
    "not_an_object",
    "unknown_format",
    "unknown_trigger",
    "invalid_event",
    "handler_failed",
    "handler_timeout",
    "output_too_large",
    "crashed",
]
Stage = Literal["decode", "handler", "emit"]
DeliveryReason = Literal["invalid_enrollment", "unknown_endpoint", "exhausted"]
RetryReason = Literal[
    "throttled",
    "refused",
    "redirected",
    "failed",
    "timeout",
    "unknown_host",
    "forbidden_address",
    "tls",
    "connection",
    "protocol",
    "crowded",
    "circuit_open",
    "disabled",
    "waiting",
]
