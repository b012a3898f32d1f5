"""A reply that is taken over goes on without a seam: nothing twice, nothing lost, however the text comes."""

from hypothesis import given
from hypothesis import strategies as st

from chatapp.engine.continuation import SURE_CHARS, Continuation
from tests.drawn import pieces

#: Few letters, so that texts repeat themselves and each other.
texts = st.text("ab 🙂", max_size=120)
short = st.text("ab", min_size=1, max_size=SURE_CHARS - 1)
long = st.text("ab ", min_size=SURE_CHARS, max_size=120)


def joined(kept: str, parts: list[str], *, ends: bool = True) -> str:
    """The reply after a second attempt said these parts."""
    continuation = Continuation(kept)
    said = [continuation.feed(part) for part in parts]
    if ends:
        said.append(continuation.end())
    reply = kept
    for one in said:
        reply = (reply if one.keep_chars is None else reply[: one.keep_chars]) + one.text
    return reply


@st.composite
def second_attempts(draw: st.DrawFn, kept: str) -> str:
    """What a model may say: it goes on, starts again, starts again and turns off, or says anything."""
    begins = kept[: draw(st.integers(0, len(kept)))]
    return draw(st.sampled_from(["", begins, kept])) + draw(texts)


@given(st.data())
def test_any_split_of_a_second_attempt_gives_the_same_reply(data: st.DataObject):
    """How the network cuts the text is no reason to join it differently."""
    kept = data.draw(st.one_of(st.just(""), short, long))
    said = data.draw(second_attempts(kept))
    assert joined(kept, data.draw(pieces(said))) == joined(kept, [said])


@given(long, st.data())
def test_a_model_that_goes_on_is_appended(kept: str, data: st.DataObject):
    """Whatever is no repetition of the reply's beginning follows it, to the last character."""
    more = data.draw(texts.filter(lambda text: not kept.startswith(text[:SURE_CHARS])))
    assert joined(kept, data.draw(pieces(more))) == kept + more


def test_the_last_words_are_not_held_back_for_ever():
    """A second attempt so short that it might have been a new start is what it says: the reply's end."""
    kept = "ab" * SURE_CHARS
    assert joined(kept, ["ab"]) == kept + "ab"
    assert joined(kept, ["ab"], ends=False) == kept


@given(st.one_of(short, long), texts, st.data())
def test_a_model_that_starts_again_is_not_shown_twice(kept: str, more: str, data: st.DataObject):
    """A server that ignores the beginning repeats it: only what comes after it is new."""
    assert joined(kept, data.draw(pieces(kept + more))) == kept + more


@given(long, texts, st.data())
def test_a_new_start_that_takes_another_turn_counts(kept: str, other: str, data: st.DataObject):
    """Where the second telling differs from the first, the reply is the second one, whole."""
    turn = data.draw(st.integers(SURE_CHARS, len(kept)))
    said = kept[:turn] + other
    assert joined(kept, data.draw(pieces(said))) == said


@given(short, texts, st.data())
def test_a_short_beginning_gives_way_to_a_new_reply(kept: str, said: str, data: st.DataObject):
    """Below `SURE_CHARS` the model is asked anew, so its answer is the reply, not a second half of it."""
    assert Continuation(kept).asks_anew
    assert joined(kept, data.draw(pieces(said))) == said


@given(texts, st.data())
def test_without_a_beginning_the_text_is_the_reply(said: str, data: st.DataObject):
    """A first attempt is not looked at, and nothing of it is held back."""
    assert joined("", data.draw(pieces(said)), ends=False) == said


@given(st.one_of(short, long), st.data())
def test_an_attempt_that_breaks_off_takes_nothing_back(kept: str, data: st.DataObject):
    """While a repetition is still within what is there, what readers have been shown stands."""
    repeated = kept[: data.draw(st.integers(0, len(kept)))]
    assert joined(kept, data.draw(pieces(repeated)), ends=False) == kept


@given(long, st.data())
def test_little_is_held_back(kept: str, data: st.DataObject):
    """A model that goes on is seen to go on: fewer than `SURE_CHARS` characters wait to be told apart."""
    continuation, waiting = Continuation(kept), 0
    more = data.draw(texts.filter(lambda text: not kept.startswith(text[:SURE_CHARS])))
    for part in data.draw(pieces(more)):
        waiting += len(part) - len(continuation.feed(part).text)
        assert waiting < SURE_CHARS
