"""Faults in a row take a board out; what proves that it works breaks the row, or brings it back."""

from farm.store.health import (
    faults_in_a_row,
    history,
    note_check,
    note_fault,
    note_looks,
    quarantined,
    release,
)


def test_faults_in_a_row_quarantine_a_board_with_the_last_one_s_words(store):
    assert note_fault(store, "tx2-01", "tx2-01: no login\n  try: look") is None
    assert note_fault(store, "tx2-01", "supply-1: silent") is None
    why = note_fault(store, "tx2-01", "tx2-01: panic")
    assert why == "3 faults in a row, the last: tx2-01: panic"
    (told,) = quarantined(store).values()
    assert told.startswith(why + " (since 20")
    assert [entry.what for entry in history(store, "tx2-01")] == ["quarantine", "fault", "fault", "fault"]
    assert history(store, "tx2-01")[-1].why == "tx2-01: no login"


def test_another_board_s_faults_do_not_count(store):
    for board in ("a", "b", "a", "b"):
        note_fault(store, board, f"{board}: x")
    assert quarantined(store) == {}


def test_a_completed_trial_breaks_the_row(store, a_record):
    note_fault(store, "zero-01", "zero-01: x")
    note_fault(store, "zero-01", "zero-01: x")
    store.save(a_record(), {})
    assert faults_in_a_row(store, "zero-01") == 0
    assert note_fault(store, "zero-01", "zero-01: x") is None
    assert faults_in_a_row(store, "zero-01") == 1


def test_a_trial_of_another_board_breaks_no_row(store, a_record):
    note_fault(store, "atom-01", "atom-01: x")
    store.save(a_record(), {})
    assert faults_in_a_row(store, "atom-01") == 1


def test_failed_checks_count_and_a_passed_one_brings_the_board_back(store):
    note_fault(store, "a", "a: x", quarantine_after=2)
    assert note_check(store, "a", "a: y", json="[]", quarantine_after=2) == "2 faults in a row, the last: a: y"
    assert note_check(store, "a", "a: y", json="[]", quarantine_after=2) == "2 faults in a row, the last: a: y"
    assert note_check(store, "a", "", json="[]", quarantine_after=2, by="cron") is None
    assert quarantined(store) == {}
    newest = history(store, "a")[0]
    assert (newest.what, newest.good, newest.by) == ("release", True, "cron")


def test_a_release_by_hand_is_recorded_and_begins_a_new_row(store):
    note_fault(store, "a", "a: x", quarantine_after=1)
    assert release(store, "a", "new cable", by="ann@lab") is True
    assert release(store, "a", "again", by="ann@lab") is False
    assert quarantined(store) == {}
    newest = history(store, "a")[0]
    assert (newest.what, newest.why, newest.by) == ("release", "new cable", "ann@lab")
    assert faults_in_a_row(store, "a") == 0


def test_only_what_changed_between_two_looks_is_kept(store):
    assert note_looks(store, {"a": ("ok", ""), "b": ("ok", "")}) == []
    assert history(store) == []
    (turn,) = note_looks(store, {"a": ("faulty", "wall-1: 3 W"), "b": ("ok", "")})
    assert (turn.board, turn.was, turn.state, turn.why) == ("a", "ok", "faulty", "wall-1: 3 W")
    assert note_looks(store, {"a": ("faulty", "wall-1: 4 W")}) == []
    assert len(history(store)) == 1
    assert note_looks(store, {"a": ("faulty", "relay: silent")}) == []
    assert [entry.why for entry in history(store, "a")] == ["relay: silent", "wall-1: 3 W"]
    (turn,) = note_looks(store, {"a": ("quarantined", "a fault, the last: x")})
    assert (turn.was, turn.state) == ("faulty", "quarantined")
    (turn,) = note_looks(store, {"a": ("ok", "")})
    assert (turn.was, turn.state) == ("quarantined", "ok")


def test_looks_count_for_no_quarantine(store):
    for n in range(6):
        note_looks(store, {"a": ("faulty", f"part-{n}: x")})
    assert note_fault(store, "a", "a: x") is None
