from __future__ import annotations

import pytest

from worker.app.members import settings_of
from worker.settings import Http, Kafka, Settings


@pytest.mark.parametrize(("port", "own"), [(8080, [8080, 8081, 8082]), (0, [0, 0, 0])])
def test_each_process_has_a_port_of_its_own_if_there_is_one(port: int, own: list[int]) -> None:
    settings = Settings(processes=3, http=Http(host="127.0.0.1", port=port))
    assert [settings_of(settings, number).http for number in range(3)] == [
        Http(host="127.0.0.1", port=each) for each in own
    ]


def test_each_process_is_a_static_member_of_its_own_if_it_is_one() -> None:
    named, unnamed = Settings(kafka=Kafka(group_instance_id="pod-3")), Settings()
    assert [settings_of(named, number).kafka.group_instance_id for number in range(2)] == ["pod-3-0", "pod-3-1"]
    assert settings_of(unnamed, 1).kafka.group_instance_id is None
