"""What one process says is what the others hear, also where they are of another version."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.events import RunEvent
from chatapp.streams.base import Notice, Progress
from chatapp.streams.notice_codec import UnknownNotice, dump_notice, load_notice
from tests.drawn import logged, runs_of_events, texts


@given(runs_of_events(), texts)
def test_records_come_as_they_were_logged(events: list[RunEvent], run_id: str):
    """Seq, time and every field, whatever characters there are."""
    progress = Progress(run_id=run_id, message_id="m", records=tuple(logged(events)))
    assert load_notice(dump_notice(progress)) == progress


@given(st.data())
def test_every_other_notice_comes_as_it_was(data: st.DataObject):
    """One that is added to the union is carried, with what is in it."""
    kinds = [one for one in get_args(Notice) if one is not Progress]
    notice = data.draw(st.one_of([st.from_type(kind) for kind in kinds]))
    assert load_notice(dump_notice(notice)) == notice


@pytest.mark.parametrize(
    "said",
    [
        b'["hologram",{"kind":"hologram"}]',
        b'["rated",{"message_id":"m","value":"ecstatic","kind":"rated"}]',
        b'["progress",{"run_id":"r","message_id":"m","records":[[1,0,"smell",{}]]}]',
        b'["progress",{"run_id":"r","message_id":"m","records":[[1,0,"chunk",{"colour":"red"}]]}]',
        b'["progress",{"run_id":"r"}]',
        b"{}",
        b"\xff",
    ],
    ids=["kind", "value", "event", "field", "without", "shape", "rubbish"],
)
def test_what_a_later_version_says_is_noticed(said: bytes):
    """It is told apart from what is known, and harms nobody."""
    with pytest.raises(UnknownNotice):
        load_notice(said)


def test_what_a_later_version_adds_is_passed_over():
    """While one version takes over from another, both talk."""
    said = b'["queued",{"message_id":"m","position":2,"kind":"queued","colour":"red"}]'
    assert load_notice(said).kind == "queued"
