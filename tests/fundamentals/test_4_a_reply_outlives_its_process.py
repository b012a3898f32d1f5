"""What was accepted is answered, and what was shown stays, though processes come and go."""

from tests.chat import Follower, Opening
from tests.upstream import text


async def test_the_next_process_goes_on(opening: Opening):
    """The services end in the middle of a reply. The next ones take the run up as its second attempt, go on
    from the text that is there, and end in one whole reply. (`tests/chaos` does the same with kill -9.)"""
    async with opening() as chat:
        turn = await chat.send("Hello [n:60 r:100]")
        await chat.has_text(turn, chars=60)
        shown = (await Follower(chat, turn).open()).shown[-1]
    async with opening() as chat:
        reply = await chat.ended(turn)
        assert reply.text == text(60)
        assert reply.text.startswith(shown)
        assert len(await chat.messages(turn)) == 2
