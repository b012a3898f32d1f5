"""Changes to turns that wait for the reply before them: in one transaction, and only until they begin."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chatapp.domain.accounts import Principal
from chatapp.domain.conversations import Conversation
from chatapp.domain.errors import AlreadyBegun
from chatapp.domain.texts import title_of
from chatapp.services.queueing import said_before
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Transaction
from chatapp.storage.trees import TreeRepository
from chatapp.storage.waiting import Waiting, WaitingRepository


def reword(transaction: Transaction, principal: Principal, message_id: str, text: str) -> Conversation:
    """Says something else in this turn; a title that was made of its words follows them.

    Raises `NotFound`, `AlreadyBegun`.
    """
    _, message = said_before(transaction, principal, message_id)
    conversation, _, turn = _held(transaction, principal, message_id)
    WaitingRepository(transaction, conversation.key).reword(turn, text)
    if turn.parent_id is None and conversation.title == title_of(message.text):
        ConversationRepository(transaction).change(
            principal.account_id, conversation.id, title=title_of(text)
        )
    return conversation


def remove(
    transaction: Transaction, principal: Principal, message_id: str
) -> tuple[Conversation, Waiting, str]:
    """Takes the turn out of the conversation; returns it and its text. Raises `NotFound`, `AlreadyBegun`."""
    _, message = said_before(transaction, principal, message_id)
    conversation, _, turn = _held(transaction, principal, message_id)
    WaitingRepository(transaction, conversation.key).remove(turn, at=datetime.now(UTC))
    if conversation.leaf_id == turn.message_id:
        leaf_id = TreeRepository(transaction).newest_leaf(conversation.key, turn.parent_id)
        ConversationRepository(transaction).show(conversation.key, leaf_id)
    return conversation, turn, message.text


def move(
    transaction: Transaction, principal: Principal, message_id: str, place: int
) -> tuple[Conversation, list[Waiting]]:
    """Puts the turn at this place behind the first reply of its branch that is not whole; returns those that
    can be moved, in order.

    Raises `NotFound`, `AlreadyBegun`.
    """
    conversation, turns, turn = _held(transaction, principal, message_id)
    line = _line(turns, turn)
    order = [one for one in line if one is not turn]
    ahead = _unfinished_before(transaction, principal, line[0])
    # The first reply that is not whole may be that of the line's own first turn.
    behind = 0 if ahead == 0 and turn is line[0] else 1 - ahead
    order.insert(max(0, place + behind), turn)
    first, last = line[0], line[-1]
    waiting = WaitingRepository(transaction, conversation.key)
    waiting.lift(last.message_id, to=order[-1].message_id)
    waiting.arrange(order, after=first.parent_id, times=_times(line))
    if conversation.leaf_id == last.message_id:
        ConversationRepository(transaction).show(conversation.key, order[-1].message_id)
    return conversation, order


def _held(
    transaction: Transaction, principal: Principal, message_id: str
) -> tuple[Conversation, list[Waiting], Waiting]:
    conversation, _ = said_before(transaction, principal, message_id)
    turns = WaitingRepository(transaction, conversation.key).hold()
    for turn in turns:
        if turn.user_message_id == message_id:
            return conversation, turns, turn
    raise AlreadyBegun


def _line(turns: Sequence[Waiting], turn: Waiting) -> list[Waiting]:
    """Those that wait one behind another in the branch of this one; an edited message keeps its place."""
    if turn.is_version:
        return [turn]
    movable = [one for one in turns if not one.is_version]
    by_reply = {one.message_id: one for one in movable}
    by_parent = {one.parent_id: one for one in movable}
    line = [turn]
    while (before := by_reply.get(line[0].parent_id or "")) is not None:
        line.insert(0, before)
    while (behind := by_parent.get(line[-1].message_id)) is not None:
        line.append(behind)
    return line


def _unfinished_before(transaction: Transaction, principal: Principal, turn: Waiting) -> int:
    """How many replies in a row before this turn are not whole."""
    conversations = ConversationRepository(transaction)
    count, before = 0, turn.parent_id
    while before and (reply := conversations.message(principal.account_id, before)):
        asked = conversations.message(principal.account_id, reply[1].parent_id or "")
        if reply[1].status.is_final or asked is None:
            break
        count, before = count + 1, asked[1].parent_id
    return count


def _times(line: Sequence[Waiting]) -> list[datetime]:
    """Their times in order, no two the same: by these a new process finds the order again."""
    times = sorted(turn.created_at for turn in line)
    for place in range(1, len(times)):
        times[place] = max(times[place], times[place - 1] + timedelta(microseconds=1))
    return times
