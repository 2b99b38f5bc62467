from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from worker.cli.main import app
from worker.report.collector import Collected, Sample
from worker.report.page import page

EXAMPLES = Path(__file__).parents[2] / "examples"
NOBODY = {"calls": 0, "errors": 0, "timeouts": 0, "skipped": 0, "commands": 0, "enrollments": 0}


def variations(*subjects: int, expected: float | None = 0.5) -> list[dict[str, Any]]:
    return [
        {"variation_id": f"var_{at}", "is_control": not at, "subjects": n, "exposures": n, "expected_share": expected}
        for at, n in enumerate(subjects)
    ]


def summary(*subjects: int, expected: float | None = 0.5, **changes: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("events", "enriched", "exposures", "enrollments", "commands", "assignments"), 0)
    experiment = {"tenant_id": None, "experiment_id": "exp_a", "variations": variations(*subjects, expected=expected)}
    return {
        **counts,
        **{name: {} for name in ("dead_letters", "skipped", "decisions", "warnings")},
        "definitions_revision": "abc",
        "experiments": [experiment],
        "handlers": [],
        "seconds": 1.0,
        **changes,
    }


def shown(found: dict[str, Any], collected: Collected | None = None) -> str:
    body = page(found, collected or Collected(), ["log.ndjson"]).split("<body>")[1]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_an_uneven_split_of_many_is_a_mismatch_and_says_what_that_means() -> None:
    text = shown(summary(5300, 4700))
    assert "Sample ratio mismatch" in text
    assert "fewer than 1 of 1,000 runs (p = 2e-09)" in text
    assert "52.0 % to 54.0 %" in text


@pytest.mark.parametrize(
    ("subjects", "said"),
    [((5010, 4990), "Sample ratio as expected"), ((30, 20), "Sample ratio not checked"), ((0, 0), "Nobody was given")],
)
def test_a_split_is_judged_in_words(subjects: tuple[int, int], said: str) -> None:
    assert said in shown(summary(*subjects))


def test_a_split_by_segment_has_no_ratio_to_check() -> None:
    assert "Split by segment" in shown(summary(500, 100, expected=None))


def test_what_comes_from_outside_is_escaped() -> None:
    collected = Collected()
    collected.samples["not_json"] = [Sample("<q>log</q>/1", "<i>", "<xxx>")]
    collected.methods["<script>"] += 1
    found = summary(dead_letters={"not_json": 1}, handlers=[{"name": "<u>", "trigger": "post_login", **NOBODY}])
    text = page(found, collected, ["<log>.ndjson"])
    assert not re.search(r"<(q|i|u|xxx|script|log)>", text)


def replay(folder: Path, *arguments: str) -> Result:
    command = ["replay", str(EXAMPLES / "log.ndjson"), "--config", str(EXAMPLES / "worker.toml")]
    return CliRunner().invoke(app, [*command, "--out", str(folder / "out"), *arguments])


def test_a_replay_writes_its_report_also_when_it_writes_nothing_else(tmp_path: Path) -> None:
    assert replay(tmp_path, "--dry-run", "--report", str(tmp_path / "report.html")).exit_code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    text = (tmp_path / "report.html").read_text()
    assert "exp_passkeys_ramp" in text
    assert "multifactor.enable" in text


def test_the_report_of_the_same_log_is_the_same_but_for_the_seconds(tmp_path: Path) -> None:
    texts = []
    for name in ("one.html", "two.html"):
        assert replay(tmp_path, "--report", str(tmp_path / name)).exit_code == 0
        before, _, _ = (tmp_path / name).read_text().partition("<h2>Where the time went")
        texts.append(before)
    assert texts[0] == texts[1]


def test_nobodys_name_is_in_the_report(tmp_path: Path) -> None:
    replay(tmp_path, "--report", str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text()
    assert not re.search(r"@example|auth0\|\w|\d+\.\d+\.\d+\.\d+", text)


def test_a_report_that_can_not_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = replay(tmp_path, "--report", str(tmp_path / "folder"))
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 1
