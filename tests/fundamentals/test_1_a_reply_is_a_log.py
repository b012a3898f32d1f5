"""A reply is a log of events, and a message is what the one fold makes of them."""

from functools import reduce

from chatapp.domain.events import Attempt, Chunk, Context, Done
from chatapp.domain.fold import Snapshot, fold
from chatapp.domain.messages import Status
from tests.chat import Chat, Follower
from tests.drawn import BLANK, logged
from tests.waiting import until


def test_events_fold_to_a_message():
    """An attempt begins, chunks bring text, `Done` ends it. How the text was cut leaves no trace."""
    events = [
        Attempt(attempt=1, model="openai:mock", reason="start"),
        Context(left_out=0, input_tokens=12),
        Chunk(content="Hel"),
        Chunk(content="lo"),
        Done(status=Status.COMPLETE),
    ]
    message = reduce(fold, events, BLANK)
    assert message.text == "Hello"
    assert message.status is Status.COMPLETE


def test_a_snapshot_is_a_message_and_the_seq_it_covers():
    """So a reader can go on from any point: it loads a snapshot, then folds in what comes after its seq."""
    records = logged([Chunk(content="Hel"), Chunk(content="lo"), Done(status=Status.COMPLETE)])
    whole = Snapshot(message=BLANK).after(records)
    begun = Snapshot(message=BLANK).after(records[:1])
    assert (begun.message.text, begun.seq) == ("Hel", 1)
    assert begun.after(records) == whole


async def test_the_stored_message_is_the_fold_of_what_readers_heard(chat: Chat):
    """A page that folds what it hears shows exactly what the database will hold."""
    turn = await chat.send("Hello [n:20 r:100]")
    reader = await Follower(chat, turn).open()
    await until(lambda: reader.ended)
    assert reader.snapshot == (await chat.snapshots(turn))[-1]
