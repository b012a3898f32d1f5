"""What is stored is what comes back: events, logs and messages, whatever characters they hold."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.event_codec import dump_event, from_ms, load_event, to_ms
from chatapp.domain.events import Done, RunEvent
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Status
from chatapp.storage.codec import dump_log, dump_parts, load_log, load_parts, load_seams
from tests.drawn import BLANK, endings, logged, middles, runs_of_events


@given(st.one_of(middles, endings))
def test_an_event_comes_back(event: RunEvent):
    """Each kind, with each of its fields; its kind is kept beside it."""
    assert load_event(event.kind, dump_event(event)) == event


@given(runs_of_events())
def test_a_compacted_log_is_the_log(events: list[RunEvent]):
    """One row holds every record as it was: its seq, its time, its cut. A replay is exact for ever."""
    records = logged(events)
    assert load_log(dump_log(records)) == records


@given(runs_of_events(), st.data())
def test_the_compacted_log_resumes_from_any_cursor(events: list[RunEvent], data: st.DataObject):
    """A snapshot taken at any record, and the compacted records after it, are the final message."""
    records = logged(events)
    final = Snapshot(message=BLANK).after(records)
    at = data.draw(st.integers(0, len(records)))
    snapshot = Snapshot(message=BLANK).after(records[:at])
    assert snapshot.after(r for r in load_log(dump_log(records)) if r.seq > at) == final


@given(runs_of_events())
def test_parts_come_back(events: list[RunEvent]):
    """A message's parts and seams survive JSON."""
    message = Snapshot(message=BLANK).after(logged(events)).message
    stored = dump_parts(message.parts, message.seams)
    assert load_parts(stored) == message.parts
    assert load_seams(stored) == message.seams


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)))  # noqa: DTZ001 - made aware below
def test_times_are_kept_to_the_millisecond(at: datetime):
    """Also when they were given in another zone."""
    whole = at.replace(microsecond=at.microsecond // 1000 * 1000)
    for zone in (UTC, timezone(timedelta(hours=5, minutes=45))):
        aware = whole.replace(tzinfo=zone)
        assert from_ms(to_ms(aware)) == aware


def test_a_kind_that_is_not_known_is_an_error():
    """A log of a later version is not half understood."""
    with pytest.raises(KeyError):
        load_event("hologram", "{}")


def test_an_empty_log_comes_back():
    """A run that was stopped before it began has hardly a log at all."""
    assert load_log(dump_log([])) == []
    (only,) = logged([Done(status=Status.STOPPED)])
    assert load_log(dump_log([only])) == [only]
