"""A conversation is a tree: a branch goes from the root to a leaf, siblings answer one question."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.messages import Message, Role
from chatapp.domain.tree import branch, siblings
from tests.drawn import BLANK, START


@st.composite
def trees(draw: st.DrawFn) -> list[Message]:
    """Any tree: each message answers an earlier one, or begins anew."""
    made: list[Message] = []
    for number in range(draw(st.integers(1, 15))):
        parent = draw(st.none() | st.sampled_from(made)) if made else None
        role = Role.ASSISTANT if parent and parent.role is Role.USER else Role.USER
        at = START + timedelta(seconds=draw(st.integers(0, 3)))
        parent_id = parent.id if parent else None
        made.append(replace(BLANK, id=f"m{number}", role=role, parent_id=parent_id, created_at=at))
    return made


@given(trees())
def test_a_branch_goes_from_the_root_to_its_leaf(tree: list[Message]):
    """Each message of a branch answers the one before it; the first one answers nothing."""
    by_id = {message.id: message for message in tree}
    for leaf in tree:
        path = branch(by_id, leaf.id)
        assert path[-1] == leaf
        assert path[0].parent_id is None
        assert [message.parent_id for message in path[1:]] == [message.id for message in path[:-1]]


def test_a_branch_without_a_leaf_is_empty():
    """A conversation without messages, or a leaf that is gone, shows nothing and fails nothing."""
    assert branch({}, None) == []
    assert branch({}, "gone") == []


@given(trees())
def test_siblings_are_the_same_from_each_of_them(tree: list[Message]):
    """All answers to one message, oldest first, the same list whichever is shown."""
    for message in tree:
        family = siblings(tree, message)
        assert message in family
        assert {(one.parent_id, one.role) for one in family} == {(message.parent_id, message.role)}
        assert family == sorted(family, key=lambda one: (one.created_at, one.id))
        assert all(siblings(tree, other) == family for other in family)
