"""What a search found, as it is drawn."""

from datetime import UTC, datetime

from chatapp.domain.messages import Role
from chatapp.domain.search import Hit
from chatapp.ui.searching import grouped

AT = datetime(2026, 3, 10, tzinfo=UTC)


def hit(conversation: str, message: str, role: Role | None, *snippet: tuple[str, bool]) -> Hit:
    return Hit(
        conversation_id=conversation, title="A title", message_id=message, role=role, at=AT, snippet=snippet
    )


def test_a_conversation_leads_to_its_first_hit():
    """To its beginning when its title was found."""
    title = hit("a", "", None, ("A ", False), ("title", True))
    found = grouped([title, hit("b", "m2", Role.USER, ("x", True)), hit("a", "m1", Role.USER, ("x", True))])
    assert [one["to"] for one in found] == ["/c/a", "/c/b?m=m2"]
    assert [[place["to"] for place in one["places"]] for one in found] == [["/c/a?m=m1"], ["/c/b?m=m2"]]
    assert [piece["text"] for piece in found[0]["title"] if piece["hit"]] == ["title"]
    assert [piece["text"] for piece in found[1]["title"]] == ["A title"]


def test_a_reply_is_shown_as_it_is_read_and_a_message_as_it_was_written():
    snippet = (("the **", False), ("moon", True), ("** and `x ** 2`", False))
    said, reply = grouped([hit("a", "m1", Role.USER, *snippet), hit("b", "m2", Role.ASSISTANT, *snippet)])
    assert "".join(piece["text"] for piece in said["places"][0]["pieces"]) == "the **moon** and `x ** 2`"
    assert "".join(piece["text"] for piece in reply["places"][0]["pieces"]) == "the moon and x  2"
