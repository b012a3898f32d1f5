"""What cookies and tokens are made of: random bits, a signature, and ids that lead nowhere."""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

#: 256 bits: as many as the hash that stands for them.
SECRET_BYTES: Final = 32
#: What we signed holds though its time is still to come: hosts behind one name have clocks of their own, and
#: one that is set back must log nobody out. It lives for so much longer then.
CLOCK_SKEW: Final = timedelta(days=1)


class Signer:
    """Signs for one purpose (HMAC-SHA256): what is signed here can never pass for something else."""

    def __init__(self, *, secret_key: str, purpose: str) -> None:
        self._key: bytes = hmac.digest(secret_key.encode(), purpose.encode(), "sha256")

    def signed(self, body: str) -> str:
        """The body with its signature behind a dot."""
        return f"{body}.{self.signature(body)}"

    def fits(self, body: str, signature: str) -> bool:
        """Whether we signed this; takes the same time whatever is wrong."""
        return hmac.compare_digest(signature, self.signature(body))

    def signature(self, body: str) -> str:
        """256 bits that nobody without our key can compute, in 43 characters."""
        return base64url(hmac.digest(self._key, body.encode(), "sha256"))


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def random_bits() -> str:
    """256 random bits, in 43 characters."""
    return base64url(secrets.token_bytes(SECRET_BYTES))


def derived_id(purpose: str, body: str) -> str:
    """An id that is stored and shown in place of a secret: nobody gets from it back to the secret, nor from
    one purpose's id to another's."""
    return hashlib.sha256(f"chatapp {purpose} id v1\0{body}".encode()).hexdigest()[:32]


def base64url(data: bytes) -> str:
    """RFC 4648, section 5, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The other way round. Raises `ValueError`."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
