"""The lawful changes of an assignment, the status of a matter, and the guards of its flags."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Refused
from engine.lifecycle import (
    DEFAULT,
    ENDS,
    FLAGS,
    GUARDS,
    LAWFUL,
    OPEN,
    ORDER,
    PROCEDURE,
    RESTING,
    STATUSES,
    change,
    following,
    forbidden,
    guard,
    lawful,
    matter_status,
    rests_as,
)

ANEW = (
    "emergency deciding disputed to_verify to_register self_handling to_escalate to_triage coordinating"
    " to_sign_for handling to_check to_inform to_close replying"
)
EXPECTED = {
    None: f"{ANEW} returned",
    "to_verify": "emergency to_register self_handling to_escalate to_triage to_feed_back to_inform to_close"
    " refused returned withdrawn passed_on voided",
    "to_register": "emergency to_verify self_handling to_escalate to_triage refused passed_on voided",
    "self_handling": "emergency to_escalate to_feed_back to_check to_inform to_close refused returned passed_on voided",
    "to_escalate": "emergency self_handling to_triage coordinating passed_on voided",
    "to_triage": "emergency disputed to_verify to_escalate coordinating handling refused returned withdrawn"
    " passed_on voided",
    "coordinating": "emergency disputed to_escalate to_triage to_feed_back to_check to_inform to_close returned"
    " passed_on voided",
    "to_sign_for": "disputed handling returned withdrawn passed_on voided",
    "handling": "disputed to_feed_back to_check returned withdrawn passed_on voided",
    "to_feed_back": "handling to_check to_inform to_close passed_on voided",
    "to_check": "self_handling to_triage coordinating handling to_inform to_close passed_on voided",
    "to_inform": "to_triage coordinating to_check to_close passed_on voided",
    "to_close": "to_triage to_check to_inform to_archive closed passed_on voided",
    "to_archive": "to_verify to_triage to_close archived",
    "disputed": "deciding to_triage coordinating to_sign_for handling returned passed_on voided",
    "deciding": "disputed to_sign_for handling passed_on voided",
    "emergency": "to_verify to_register self_handling to_escalate to_triage coordinating to_feed_back to_check"
    " passed_on voided",
    "replying": "withdrawn passed_on voided",
    "passed_on": f"{ANEW} to_feed_back voided",
    "returned": f"{ANEW} passed_on voided",
    "withdrawn": f"{ANEW} voided",
    "closed": "to_verify to_triage to_archive archived",
    "archived": "to_verify to_triage",
    "refused": "to_triage to_inform to_close passed_on voided",
    "voided": "",
}
"""Written down a second time, in the other direction: every status and what may follow it."""

PATHS = {
    "ZJ worker handles it": "to_verify self_handling passed_on",
    "ZJ worker escalates": "to_verify self_handling to_escalate passed_on",
    "ZJ worker sends an off-list instruction back": "to_verify returned",
    "ZJ worker checks a clue": "to_verify to_feed_back passed_on",
    "ZJ agency dispatches": "to_triage passed_on to_check to_inform to_close closed to_archive archived",
    "ZJ agency coordinates by itself": "to_triage coordinating to_check to_close closed archived",
    "ZJ department": "to_sign_for handling to_feed_back passed_on",
    "ZJ department returns, is sent it again": "to_sign_for returned to_sign_for handling to_feed_back passed_on",
    "ZJ department reworks": "to_sign_for handling to_feed_back passed_on to_sign_for handling to_feed_back passed_on",
    "ZJ department disputes, is decided on": "to_sign_for disputed deciding to_sign_for handling to_feed_back",
    "ZJ department disputes, another is decided on": "handling disputed passed_on",
    "ZJ agency mediates": "to_triage passed_on disputed passed_on",
    "ZJ government decides": "deciding passed_on",
    "ZJ agency reports an emergency": "emergency passed_on",
    "ZJ department replies to supervision": "replying passed_on",
    "ZJD worker": "to_verify to_register self_handling to_escalate passed_on",
    "ZJD urgent": "to_verify emergency to_escalate passed_on",
    "ZJD department without an act of feedback": "to_sign_for handling passed_on",
    "ZJD agency refuses off-list work": "to_triage refused to_inform to_close closed",
    "ZJD agency raises a dispute before any dispatch": "to_triage disputed passed_on",
    "JS request entered at the agency": "to_register to_triage passed_on to_inform to_close closed archived",
    "JS township handles an emergency": "emergency to_feed_back passed_on",
    "X3 worker starts handling": "self_handling to_escalate passed_on",
    "X3 township sends up": "to_triage to_escalate passed_on to_feed_back passed_on",
    "X3 county coordinates and hands down": "coordinating returned",
    "X3 county dispatches, relays the result": "coordinating passed_on to_feed_back passed_on",
    "LZ worker": "to_escalate passed_on",
    "LZ village handles": "to_triage handling to_feed_back passed_on",
    "LZ village handles and checks": "to_triage handling to_check to_close closed",
    "LZ deliberation": "disputed handling to_feed_back",
    "found untrue": "to_verify to_close closed archived",
    "withdrawn before it was signed for": "to_sign_for withdrawn to_sign_for",
    "reopened": "to_close closed archived to_triage coordinating",
    "checker sends it round again": "to_check to_triage passed_on to_check to_close closed",
}

NONSENSE = [
    (None, "closed"),
    (None, "archived"),
    (None, "to_archive"),
    (None, "to_feed_back"),
    ("to_sign_for", "archived"),
    ("to_sign_for", "to_feed_back"),
    ("to_verify", "closed"),
    ("closed", "handling"),
    ("closed", "to_close"),
    ("closed", "voided"),
    ("handling", "closed"),
    ("handling", "to_close"),
    ("to_check", "withdrawn"),
    ("disputed", "closed"),
    ("disputed", "to_close"),
    ("deciding", "to_close"),
    ("emergency", "to_close"),
    ("to_escalate", "to_close"),
    ("to_close", "archived"),
    ("archived", "voided"),
    ("archived", "archived"),
    ("voided", "to_verify"),
    ("voided", "voided"),
    ("replying", "handling"),
    ("passed_on", "closed"),
]


def reachable(start: str | None, without: set[str]) -> set[str]:
    """All statuses on some path from `start` that passes none of `without`."""
    seen: set[str] = set()
    edge = [start]
    while edge:
        for after in following(edge.pop()):
            if after not in seen | without:
                seen.add(after)
                edge.append(after)
    return seen


def test_every_lawful_change_is_listed() -> None:
    expected = {before: set(afters.split()) for before, afters in EXPECTED.items()}
    for before in (None, "passed_on"):
        expected[before] |= {*PROCEDURE}
    expected |= {before: {*PROCEDURE, "passed_on", "voided"} - {before} for before in PROCEDURE}
    assert {before: set(following(before)) for before in (None, *STATUSES)} == expected


def test_the_machine_says_what_the_table_says() -> None:
    for before, after in product((None, *STATUSES), STATUSES):
        stays = before == after and (before in OPEN or before == "passed_on")
        assert lawful(before, after) == (stays or (before, after) in LAWFUL), (before, after)


def test_every_change_has_a_basis_and_every_status_two_labels() -> None:
    for (before, after), item in LAWFUL.items():
        keys = item.basis.split() if item.basis != DEFAULT else ["ZJ-0"]
        assert (item.before, item.after) == (before, after)
        assert keys
        assert all(key.split("-")[0] in {"ZJ", "ZJD", "JS", "X3", "LZ"} for key in keys), item
    assert all(words.zh and words.en for words in STATUSES.values())
    assert len({words.zh for words in STATUSES.values()}) == len(STATUSES) == 31


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_the_flows_of_the_regulations_are_possible(path: str) -> None:
    statuses = [None, *path.split()]
    for before, after in pairwise(statuses):
        assert after is not None
        assert change(before, after) == after


@pytest.mark.parametrize(("before", "after"), NONSENSE)
def test_nonsense_is_refused_in_words(before: str | None, after: str) -> None:
    assert not lawful(before, after)
    with pytest.raises(Refused) as caught:
        change(before, after, where="某某局签收")
    refused = caught.value
    assert refused.code == "lifecycle.unlawful"
    assert refused.words.zh.startswith("某某局签收：")
    for language, old in (
        ("zh", STATUSES[before].zh if before else "未开始"),
        ("en", STATUSES[before].en if before else "not begun"),
    ):
        sentence = getattr(refused.words, language)
        assert f"“{old}”" in sentence
        assert f"“{getattr(STATUSES[after], language)}”" in sentence
        assert all(getattr(STATUSES[other], language) in sentence for other in following(before))


@pytest.mark.parametrize(("before", "after"), [("handlnig", "closed"), ("handling", "done"), (None, "done")])
def test_an_unknown_status_is_named(before: str | None, after: str) -> None:
    with pytest.raises(Refused, match=before or after) as caught:
        change(before, after)
    assert caught.value.code == "lifecycle.unknown"


def test_nothing_is_archived_that_was_not_closed() -> None:
    """Where to_close goes straight to to_archive, answering the one and opening the other is one act."""
    assert "archived" in reachable(None, set())
    assert "archived" not in reachable(None, {"closed", "to_archive"})
    assert {before for before, after in LAWFUL if after == "to_archive"} == {"to_close", "closed"}
    assert {before for before, after in LAWFUL if after == "archived"} == {"closed", "to_archive"}


def test_nothing_is_closed_but_by_whoever_had_it_to_close() -> None:
    assert not {"closed", "to_archive", "archived"} & reachable(None, {"to_close"})


def test_what_a_unit_handled_is_fed_back_or_checked_before_it_closes_it() -> None:
    """Unless the matter left the unit, or an agency took it over (after a dispute) to coordinate or triage it."""
    elsewhere = {"passed_on", "returned", "withdrawn", "coordinating", "to_triage"}
    assert "to_close" in reachable("handling", elsewhere)
    assert not {"to_inform", "to_close"} & reachable("handling", elsewhere | {"to_feed_back", "to_check"})


def test_a_disputed_assignment_never_closes_by_itself() -> None:
    assert not {"to_close", "closed"} & set(following("disputed"))
    assert not {"to_close", "closed"} & set(following("deciding"))


def test_only_reopening_leaves_what_is_done() -> None:
    for status in ("closed", "archived"):
        leaving = [LAWFUL[status, after] for after in following(status) if after in OPEN - {"to_archive"}]
        assert {item.act for item in leaving} == {"reopen"}
    assert following("voided") == []


def test_every_status_can_be_reached_and_every_open_one_can_end() -> None:
    assert reachable(None, set()) == set(STATUSES)
    for status in OPEN:
        assert RESTING & reachable(status, set())


@given(st.lists(st.sampled_from(sorted(STATUSES)), max_size=30))
def test_any_history_keeps_the_promises(attempts: list[str]) -> None:
    """Whatever is tried in whatever order, what was accepted is a history that makes sense."""
    history: list[str] = []
    for after in attempts:
        before = history[-1] if history else None
        if lawful(before, after):
            history.append(change(before, after))
        else:
            with pytest.raises(Refused):
                change(before, after)
    for place, status in enumerate(history):
        if status == "archived":
            assert "to_close" in history[:place]
            assert history[place - 1] in {"closed", "to_archive"}
        if status == "closed":
            assert history[place - 1] == "to_close"
        if status == "voided":
            assert place == len(history) - 1


def test_where_an_assignment_comes_to_rest() -> None:
    for status in STATUSES:
        rest = rests_as(status)
        assert rest in RESTING
        assert rest == status or lawful(status, rest)
    assert (rests_as("to_close"), rests_as("to_archive"), rests_as("handling")) == ("closed", "archived", "passed_on")
    assert rests_as("returned") == "returned"


# -- a matter ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        ((), "passed_on"),
        (("passed_on", "handling"), "handling"),
        (("to_feed_back", "handling"), "handling"),
        (("handling", "to_sign_for", "to_feed_back"), "to_sign_for"),
        (("handling", "disputed"), "disputed"),
        (("disputed", "deciding"), "deciding"),
        (("handling", "emergency", "disputed"), "emergency"),
        (("replying", "handling"), "handling"),
        (("replying", "passed_on"), "replying"),
        (("passed_on", "closed", "withdrawn"), "closed"),
        (("passed_on", "archived"), "archived"),
        (("returned", "passed_on"), "returned"),
    ],
)
def test_a_matter_shows_what_somebody_must_act_on_first(statuses: tuple[str, ...], shown: str) -> None:
    assert matter_status(statuses, ended=None) == shown


def test_an_ended_matter_shows_how_it_ended() -> None:
    assert matter_status(["replying", "passed_on"], ended="voided") == "voided"


def test_a_pack_may_publish_another_order() -> None:
    assert matter_status(["handling", "to_feed_back"], ended=None, order=("to_feed_back", "handling")) == "to_feed_back"
    assert matter_status(["to_verify", "handling", "deciding"], ended=None, order=("handling",)) == "handling"
    assert matter_status(["to_verify", "deciding"], ended=None, order=("handling",)) == "deciding"


@given(st.lists(st.sampled_from(ORDER), min_size=1), st.randoms())
def test_the_order_in_which_assignments_are_listed_does_not_matter(statuses: list[str], random: object) -> None:
    shown = matter_status(statuses, ended=None)
    assert shown == matter_status(sorted(statuses), ended=None) == matter_status(reversed(statuses), ended=None)
    assert (shown in OPEN) == bool(set(statuses) & OPEN)


def test_the_order_names_every_status_once_and_open_ones_first() -> None:
    assert sorted(ORDER) == sorted([*STATUSES, *ENDS])
    assert set(ORDER[: len(OPEN)]) == OPEN


# -- guards ------------------------------------------------------------------------------------------

FREE = (
    "complete claim release reassign delegate return withdraw dispute extend suspend resume ask_extension"
    " ask_suspension ask_void consultation emergency emergency_lifted emergency_revoked supervise urge void merge"
    " close archive"
)
FORBIDDEN = {
    (): "",
    ("disputed",): "dispute close archive merge",
    ("emergency",): "suspend ask_suspension void ask_void close archive merge",
    ("suspended",): "complete return dispute extend ask_extension suspend ask_suspension close archive merge",
    (
        "disputed",
        "suspended",
    ): "complete return dispute extend ask_extension suspend ask_suspension close archive merge",
    ("emergency", "suspended"): "suspend ask_suspension void ask_void close archive merge",
}


@pytest.mark.parametrize(("flags", "verbs"), FORBIDDEN.items())
def test_what_flags_forbid(flags: tuple[str, ...], verbs: str) -> None:
    assert {verb for verb in FREE.split() if forbidden(flags, verb)} == set(verbs.split())


@pytest.mark.parametrize("status", ["to_close", "to_archive", "closed"])
@pytest.mark.parametrize("flag", FLAGS)
def test_completing_the_closing_step_is_closing(flag: str, status: str) -> None:
    refused = forbidden({flag}, "complete", status=status)
    assert refused is not None
    assert refused.code == f"matter.{flag}"


@pytest.mark.parametrize("flag", ["disputed", "emergency"])
def test_other_work_goes_on_beside_a_dispute_and_an_emergency(flag: str) -> None:
    assert forbidden({flag}, "complete", status="handling") is None
    assert forbidden({flag}, "claim", status="to_close") is None


def test_a_refusal_says_why_in_both_languages() -> None:
    for flag, items in GUARDS.items():
        for item in items:
            for verb in item.verbs:
                refused = forbidden([flag], verb)
                assert refused is not None
                assert refused.words == item.why
    assert set(GUARDS) == set(FLAGS)


def test_guard_raises_what_is_forbidden() -> None:
    guard({"suspended"}, "claim")
    with pytest.raises(Refused, match="挂起"):
        guard({"suspended"}, "complete")
    with pytest.raises(Refused, match="争议"):
        guard({"disputed"}, "complete", status="to_close")
