"""Everything that shows a reply is a reader of its log; readers never disturb the making."""

from tests.chat import Chat, Follower
from tests.upstream import text
from tests.waiting import until


async def test_a_reply_is_made_without_anybody_watching(chat: Chat):
    """Closing the page stops nothing: whoever comes back finds the whole reply."""
    turn = await chat.send("Hello [n:20 r:100]")
    reader = await Follower(chat, turn).open()
    reader.close()
    assert (await chat.ended(turn)).text == text(20)


async def test_two_tabs_see_the_same(chat: Chat):
    """One came early and one late; both end with the same picture."""
    turn = await chat.send("Hello [n:40 r:100]")
    early = await Follower(chat, turn).open()
    await until(lambda: early.shown[-1])
    late = await Follower(chat, turn).open()
    await until(lambda: early.ended and late.ended)
    assert early.snapshot == late.snapshot
