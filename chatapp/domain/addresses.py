"""Where somebody may be sent after a log-in: to a page of this app and nowhere else."""

import re
from typing import Final

#: Plain segments and the one query that our pages have. No dots, colons, backslashes, escapes or empty
#: segments: each is a way in which some browser was led to another host.
_PAGE: Final = re.compile(r"/(?:[\w-]{1,64}(?:/[\w-]{1,64}){0,3})?(?:\?m=[\w-]{1,64})?", re.ASCII)
#: Pages that one is not sent to: the log-in page would send one round in circles, and the API has no pages.
_NEVER: Final = frozenset({"login", "api"})


def local_path(value: object) -> str:
    """The path when it is one of a page of ours; "/" for everything else."""
    if not isinstance(value, str) or _PAGE.fullmatch(value) is None:
        return "/"
    first = value[1:].partition("?")[0].partition("/")[0]
    return "/" if first.lower() in _NEVER else value
