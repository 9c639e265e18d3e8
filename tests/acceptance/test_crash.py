"""A short run of what `script/crash` does at length."""

from pathlib import Path

from tests.acceptance import crash


def test_a_server_killed_again_and_again_loses_nothing_and_doubles_nothing(demonstration: str, tmp_path: Path) -> None:
    outcome = crash.run(demonstration, tmp_path, kills=6, seed=7)
    assert outcome.acts > outcome.kills, "too little was done to prove anything"
    assert outcome.retried > 0, "no act was cut off"
    assert (outcome.lost, outcome.doubled, outcome.faults) == (0, 0, [])
