"""Notices to listeners within this process."""

import logging
from collections import defaultdict
from collections.abc import Callable

from chatapp.streams.base import Listener, Notice

log = logging.getLogger(__name__)


class MemoryBroadcast:
    """Topics and who listens to them. A topic without listeners takes no memory."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, dict[object, Listener]] = defaultdict(dict)

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Calls the listener for each notice from now on; returns how to stop it."""
        key = object()
        self._listeners[topic][key] = listener

        def stop() -> None:
            listeners = self._listeners.get(topic)
            if listeners is not None:
                listeners.pop(key, None)
                if not listeners:
                    self._listeners.pop(topic, None)

        return stop

    def __contains__(self, topic: object) -> bool:
        """Whether anybody listens to this topic."""
        return topic in self._listeners

    def tell_everybody(self, notice: Notice) -> None:
        """Tells all who listen, to whatever topic."""
        for topic in list(self._listeners):
            self.publish(topic, notice)

    def publish(self, topic: str, notice: Notice) -> None:
        """Tells all who listen. A listener that fails harms nobody else."""
        for listener in list(self._listeners.get(topic, {}).values()):
            try:
                listener(notice)
            except Exception:
                log.exception("a listener of %s failed", topic)
