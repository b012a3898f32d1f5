"""A conversation is a tree: messages with one parent and role are versions of each other."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.messages import Role
from chatapp.domain.tree import Node, versions
from tests.drawn import START

BLANK = Node(id="", parent_id=None, role=Role.USER, created_at=START)


@st.composite
def trees(draw: st.DrawFn) -> list[Node]:
    """Any tree: each message answers an earlier one, or begins anew."""
    made: list[Node] = []
    for number in range(draw(st.integers(1, 15))):
        parent = draw(st.none() | st.sampled_from(made)) if made else None
        role = Role.ASSISTANT if parent and parent.role is Role.USER else Role.USER
        at = START + timedelta(seconds=draw(st.integers(0, 3)))
        parent_id = parent.id if parent else None
        made.append(replace(BLANK, id=f"m{number}", role=role, parent_id=parent_id, created_at=at))
    return made


@given(trees(), st.randoms())
def test_siblings_are_walked_from_the_oldest_to_the_newest(tree: list[Node], chances: st.DataObject):
    """From the first of a family `next_id` leads through all of it, `previous_id` leads back, and the places
    count from 1; whoever has no siblings has no versions."""
    found = versions(tree)
    assert versions(chances.sample(tree, len(tree))) == found  # type: ignore[attr-defined]
    for node in tree:
        family = [one for one in tree if (one.parent_id, one.role) == (node.parent_id, node.role)]
        if len(family) == 1:
            assert node.id not in found
            continue
        walked = [next(one.id for one in family if not found[one.id].previous_id)]
        while following := found[walked[-1]].next_id:
            assert found[following].previous_id == walked[-1]
            walked.append(following)
        assert walked == [one.id for one in sorted(family, key=lambda one: (one.created_at, one.id))]
        assert [found[one].index for one in walked] == list(range(1, len(family) + 1))
        assert {found[one].count for one in walked} == {len(family)}
