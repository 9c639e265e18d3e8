"""The rows of the Zhenjiang regulation (ZJ) that are behaviour of a matter."""

from tests.articles.proof import Edit, article
from tests.places import Place

PACK = "zhenjiang/2026-01-01"


@article("ZJ-13.2a", off=Edit("matter.bpmn", 'wangge:limit="verify"', ""))
def test_a_finding_is_verified_in_time_before_the_worker_handles_it(place: Place) -> None:
    case = place.report(place.worker())
    assert place.step(case, "verify").due_at is not None
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    assert place.step(case, "self_handle").due_at is not None
