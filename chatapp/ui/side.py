"""What stands around the conversation: the list of others, the models, and what the composer must know."""

import reflex as rx

from chatapp.domain.accounts import Principal
from chatapp.domain.ids import new_id
from chatapp.ui.access import services
from chatapp.ui.build_id import build_id
from chatapp.ui.rows import Choice, Item, Step, choice, item, steps

#: The conversation in use moves to the top and gets a title: only so many items are sent again for that.
TOP = 3


class Side(rx.State):
    """`build`: which page the server would send now.

    `epoch` is new at each hydration: the composer then sends again what was not acknowledged.
    """

    top: tuple[Item, ...] = ()
    rest: tuple[Item, ...] = ()
    models: tuple[Choice, ...] = ()
    steps: tuple[Step, ...] = ()
    epoch: str = ""
    me: str = ""
    max_chars: int = 0
    signed_out: bool = False
    build: str = ""

    def _begin(self, principal: Principal) -> None:
        """A page was hydrated."""
        self.epoch = new_id()[:8]
        self.me = principal.account_id[:12]
        self.max_chars = services().settings.max_message_chars
        self.signed_out = False
        self.build = build_id()

    async def _read(self, principal: Principal) -> None:
        """Assigns only what changed, since what is assigned is sent."""
        items = [item(one.conversation) for one in (await services().conversations.listing(principal)).items]
        models = tuple(choice(one) for one in await services().models.offered())
        values = {
            "top": tuple(items[:TOP]),
            "rest": tuple(items[TOP:]),
            "models": models,
            "steps": tuple(steps(services().models.readiness())),
        }
        for name, value in values.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
