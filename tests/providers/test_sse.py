"""Events come out of a stream of bytes the same, however it is written and cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.errors import ProviderGarbage
from chatapp.providers.sse import MAX_LINE_BYTES, MAX_STRAY_LINES, Splitter

WORDS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The data of all events of a stream that comes in pieces."""
    places = sorted({0, *(cut % (len(stream) + 1) for cut in cuts), len(stream)})
    splitter = Splitter()
    events = [event for a, b in pairwise(places) for event in splitter.feed(stream[a:b])]
    return events + splitter.flush()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": comment\n\n\n\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b'error: {"code":500}\n\n', [b' {"code":500}']),
        (b"data: a\n\ndata: unended", [b"a", b"unended"]),
        (b"", []),
    ],
)
def test_each_way_of_writing_is_read(stream: bytes, events: list[bytes]) -> None:
    """Line ends, blanks, comments, other fields, a byte order mark, an end without an empty line."""
    assert split(stream, []) == events
    assert split(stream, list(range(len(stream)))) == events


@given(
    words=st.lists(WORDS),
    line_end=st.sampled_from(["\n", "\r", "\r\n"]),
    cuts=st.lists(st.integers(0, 10_000)),
)
def test_any_cut_gives_the_same_events(words: list[str], line_end: str, cuts: list[int]) -> None:
    """Also within a character and within a line end."""
    stream = "".join(f"data: {word}{line_end}{line_end}" for word in words).encode()
    assert split(stream, cuts) == [word.encode() for word in words]


@given(stream=st.binary(), cuts=st.lists(st.integers(0, 10_000)))
def test_any_bytes_are_survived_and_any_cut_gives_the_same(stream: bytes, cuts: list[int]) -> None:
    """Garbage is no reason to crash, nor to depend on the network's mood."""
    assert split(stream, cuts) == split(stream, [])


def feed_for_ever(splitter: Splitter, read: bytes) -> None:
    """The same read again and again, far beyond any limit."""
    for _ in range(100_000):
        splitter.feed(read)


@pytest.mark.parametrize("start", [b"data: ", b"", b"data: a\ndata: "])
def test_a_line_that_never_ends_is_not_kept(start: bytes) -> None:
    """Memory stays bounded, whatever a server sends."""
    splitter = Splitter()
    splitter.feed(start)
    with pytest.raises(ProviderGarbage):
        feed_for_ever(splitter, b"x" * 1_000)
    assert len(splitter._rest) <= MAX_LINE_BYTES + 1_000


def test_an_event_that_never_ends_is_not_kept() -> None:
    """Many lines of data without an empty one are one event."""
    splitter = Splitter()
    with pytest.raises(ProviderGarbage):
        feed_for_ever(splitter, b"data: xxxxxxxxxx\n" * 100)


def test_a_few_stray_lines_are_passed_over_and_many_are_not() -> None:
    """A proxy's slip does not end a reply, a web page does."""
    splitter = Splitter()
    assert splitter.feed(b"<stray>\n" * MAX_STRAY_LINES + b"data: a\n\n") == [b"a"]
    with pytest.raises(ProviderGarbage):
        splitter.feed(b"<stray>\n")
