"""What happens to errors that no handler caught: logged by kind and place, never by their words.

An exception's text can hold what somebody wrote, and Reflex's own answer is a toast, which needs `eval` and
so does not work under our policy.
"""

import logging
import traceback
from typing import Final

from reflex.state import FrontendEventExceptionState

from chatapp.telemetry.rare import Rarely

logger = logging.getLogger(__name__)
logger.addFilter(Rarely())

_PLACES: Final = 3
#: Reflex's loggers that write down what a client sent, below the level at which they are let speak.
_TALKATIVE: Final = ("reflex_base.event.processor.base_state_processor",)


def quieten() -> None:
    """Keep what clients send out of the logs, and Reflex from answering a page's error with a script."""
    FrontendEventExceptionState.auto_reload_on_errors = []
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


def on_backend_error(exception: Exception) -> None:
    """A handler failed in a way that nobody foresaw; the page is told nothing."""
    logger.error("a handler failed: %s", place_of(exception))


def on_frontend_error(exception: Exception) -> None:
    """A page reported an error of its own. Anybody can send one, in any words: only that it came is kept."""
    del exception
    logger.warning("a page reported an error")


def place_of(error: BaseException) -> str:
    """The kinds of an error and its causes, and the innermost places: enough to find it, and no content."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < _PLACES:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    return f"{' from '.join(kinds)} at {places or 'unknown place'}"
