"""What every failure must tell whoever sees it: after what happened, what to do next."""

import re
from typing import Final

#: Where the request begins that a message ends with.
_REQUEST: Final = re.compile(r"(?:[.;,?] )(?=[Pp]lease )")


def says_what_to_do(message: str) -> bool:
    """One request, in the last sentence, after at least a word on what happened."""
    happened, *requests = _REQUEST.split(message)
    return bool(happened) and len(requests) == 1 and message.endswith(".")
