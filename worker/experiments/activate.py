"""Definitions as they would be if an experiment were active: to try a draft without editing a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from schemas.definitions import Experiment, FeatureFlag
from worker.experiments.entities import Contents, Entry


class UnknownExperimentError(Exception):
    """No definitions have the experiment that is to be active; the message names those they have."""


def activate(files: Sequence[Contents], experiment_id: str) -> list[Contents]:
    """Return the files with that experiment active, and its flag if that is a draft.

    Whatever is active in its place is completed: the other active ones of its tenant and flow, any other beside `all`.

    Raises:
        UnknownExperimentError: no file has the experiment.
    """
    found = {
        each.tenant: entry.value for each in files for entry in each.experiments if entry.value.id == experiment_id
    }
    if not found:
        known = sorted({entry.value.id for each in files for entry in each.experiments})
        raise UnknownExperimentError(f"no experiment {experiment_id!r}, expected one of {', '.join(known) or 'none'}")
    return [_activated(each, found[each.tenant]) if each.tenant in found else each for each in files]


def _activated(file: Contents, chosen: Experiment) -> Contents:
    return replace(
        file,
        experiments=[Entry(entry.place, _experiment(entry.value, chosen)) for entry in file.experiments],
        feature_flags=[Entry(entry.place, _flag(entry.value, chosen)) for entry in file.feature_flags],
    )


def _experiment(experiment: Experiment, chosen: Experiment) -> Experiment:
    if experiment.id == chosen.id:
        return experiment.model_copy(update={"status": "active"})
    flows = {experiment.authentication_flow, chosen.authentication_flow}
    if experiment.status == "active" and (len(flows) == 1 or "all" in flows):
        return experiment.model_copy(update={"status": "completed"})
    return experiment


def _flag(flag: FeatureFlag, chosen: Experiment) -> FeatureFlag:
    if flag.id == chosen.feature_flag_id and flag.status == "draft":
        return flag.model_copy(update={"status": "active"})
    return flag
