"""A listener that keeps what it was told."""

from chatapp.domain.events import Chunk, Logged
from chatapp.domain.runs import Run
from chatapp.streams.base import Notice, Progress, TreeChanged, conversation_topic
from chatapp.streams.memory import MemoryBroadcast


class Heard:
    """All notices of a run's conversation."""

    def __init__(self, broadcast: MemoryBroadcast, run: Run) -> None:
        self.notices: list[Notice] = []
        self._run_id = run.id
        self.close = broadcast.listen(conversation_topic(run.conversation_key), self.notices.append)

    @property
    def records(self) -> list[Logged]:
        """The run's records in the order in which they were published."""
        told = (notice for notice in self.notices if isinstance(notice, Progress))
        return [record for notice in told if notice.run_id == self._run_id for record in notice.records]

    @property
    def text(self) -> str:
        """The chunks, joined."""
        return "".join(r.event.content for r in self.records if isinstance(r.event, Chunk))

    @property
    def tree_changes(self) -> int:
        """How often the conversation was to be read again."""
        return sum(isinstance(notice, TreeChanged) for notice in self.notices)
