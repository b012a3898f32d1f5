"""A conversation that is on a screen somewhere, and the tabs that show it.

All tabs of one conversation in this process share one watch and one view of its reply.
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from chatapp.domain.accounts import Principal
from chatapp.domain.events import Logged
from chatapp.domain.fold import Snapshot
from chatapp.services.following import Notice, Progress, Queued, Rated, TreeChanged, Watch
from chatapp.ui.run_view import RunView

logger = logging.getLogger(__name__)

#: What could not be read is read again after this.
AGAIN_SECONDS: Final = 1.0
#: The list of conversations may be so much behind.
LIST_SECONDS: Final = 0.25
#: Records that may arrive between a watch and the window that they belong to. More are not kept: the window
#: is then read again.
MAX_EARLY: Final = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What a tab must read: everything at its `first` time, the branch, the list of conversations; which
    reply `ended`, the last one; and which replies were `rated`, "" where that was taken back."""

    first: bool = False
    tree: bool = False
    listing: bool = False
    ended: str = ""
    rated: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: "News") -> "News":
        return News(
            first=self.first or other.first,
            tree=self.tree or other.tree,
            listing=self.listing or other.listing,
            ended=other.ended or self.ended,
            rated={**self.rated, **other.rated},
        )


@dataclass(eq=False)
class Tab:
    """A browser tab. `news` wakes its follower; `live` is the message whose text it is sent."""

    token: str
    principal: Principal
    room: "Room | None" = None
    live: str = ""
    behind: bool = True
    told: "News" = field(default_factory=lambda: News(first=True, tree=True, listing=True))
    list_soon: asyncio.TimerHandle | None = None
    holders: int = 0
    signed_out: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    list_watch: Watch | None = None

    def tell_tree(self) -> None:
        """The conversation must be read again."""
        self._tell(News(tree=True))

    def tell_ended(self, message_id: str) -> None:
        """A reply has ended, and nothing else has changed."""
        self._tell(News(ended=message_id))

    def tell_rated(self, message_id: str, value: str) -> None:
        """Somebody said what they think of a reply."""
        self._tell(News(rated={message_id: value}))

    def tell_list(self, *, within: float = LIST_SECONDS) -> None:
        """The list of conversations must be read again: with the conversation if that is told as well, else
        soon, since a turn changes it several times."""
        loop = asyncio.get_running_loop()
        if self.list_soon is not None:
            if self.list_soon.when() <= loop.time() + within:
                return
            self.list_soon.cancel()
        self.list_soon = loop.call_later(within, self._list_now)

    def _list_now(self) -> None:
        self.list_soon = None
        self._tell(News(listing=True))

    def take_news(self) -> "News":
        """What the tab was told since this was last asked."""
        told, self.told = self.told, News()
        self.news.clear()
        if (told.tree or told.ended) and self.list_soon is not None:
            self.skip_list()
            told |= News(listing=True)
        return told

    def has_shown(self, ended: str) -> bool:
        """Whether this reply was followed here, up to its end."""
        view = self.room.views.get(ended) if self.room is not None else None
        return self.live == ended and view is not None and view.is_final

    @contextmanager
    def held(self) -> Generator[None]:
        """What is told within this block wakes the follower at its end."""
        self.holders += 1
        try:
            yield
        finally:
            self.holders -= 1
            if self.told != News():
                self._tell(News())

    def skip_tree(self) -> None:
        """Whoever holds the tab reads the conversation now: what was told of it so far is no news."""
        self.told = replace(self.told, tree=False, ended="")

    def skip_list(self) -> None:
        """The same of the list."""
        if self.list_soon is not None:
            self.list_soon.cancel()
            self.list_soon = None

    def retry(self, news: "News") -> None:
        """This could not be read now: tell it again in a while."""
        asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._tell, news)

    def _tell(self, news: "News") -> None:
        self.told |= news
        if not self.holders:
            self.news.set()

    def sign_out(self) -> None:
        """The login has ended."""
        self.signed_out = True
        self.news.set()


class Room:
    """A conversation that is on a screen somewhere."""

    def __init__(self, dirty: Callable[["Room", RunView], None]) -> None:
        self.tabs: set[Tab] = set()
        self.views: dict[str, RunView] = {}
        self.watch: Watch | None = None
        self.opening = asyncio.Lock()
        self._early: dict[str, list[Logged]] = {}
        self._dirty = dirty

    def hear(self, notice: Notice) -> None:
        """Called by the service on the event loop: quick, and never raises."""
        match notice:
            case Progress():
                self._progress(notice)
            case Queued():
                if (view := self.views.get(notice.message_id)) is not None:
                    view.queue(notice.position)
                    self._dirty(self, view)
            case Rated():
                for tab in self.tabs:
                    tab.tell_rated(notice.message_id, notice.value or "")
            case TreeChanged(ended=""):
                self.reread()
            case TreeChanged(ended=message_id):
                for tab in self.tabs:
                    tab.tell_ended(message_id)
            case _:
                pass  # for others

    def adopt(self, snapshot: Snapshot) -> None:
        """From now on this reply is followed; what was heard of it before is folded in."""
        message_id = snapshot.message.id
        view = self.views.get(message_id)
        if view is None or view.seq < snapshot.seq:
            view = self.views[message_id] = RunView(snapshot)
            for tab in self.tabs:
                tab.behind |= tab.live == message_id
        early = self._early.pop(message_id, [])
        try:
            view.apply(early)
        except ValueError:
            self.reread()
        self._dirty(self, view)

    def reread(self) -> None:
        """Every tab reads the conversation again."""
        for tab in self.tabs:
            tab.tell_tree()

    def forget(self) -> None:
        """Let go of replies that no tab shows as live any more."""
        shown = {tab.live for tab in self.tabs}
        self.views = {key: view for key, view in self.views.items() if key in shown or not view.is_final}

    def _progress(self, notice: Progress) -> None:
        view = self.views.get(notice.message_id)
        if view is None:
            early = self._early.setdefault(notice.message_id, [])
            early.extend(notice.records)
            if len(early) > MAX_EARLY:
                del self._early[notice.message_id]
            return
        try:
            view.apply(notice.records)
        except ValueError:
            logger.warning("a record of run %s is missing; reading it again", notice.run_id)
            del self.views[notice.message_id]
            self.reread()
            return
        self._dirty(self, view)
