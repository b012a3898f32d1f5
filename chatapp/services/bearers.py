"""Whom an `Authorization: Bearer` names: a token or an API key, whichever it looks like."""

from chatapp.domain.accounts import Principal
from chatapp.services.api_keys import ApiKeys
from chatapp.services.tokens import Tokens


class Bearers:
    """Reads both."""

    def __init__(self, *, tokens: Tokens, api_keys: ApiKeys) -> None:
        self._tokens: Tokens = tokens
        self._api_keys: ApiKeys = api_keys

    def login_id(self, bearer: str) -> str | None:
        """The login that it names as far as can be known without asking anybody."""
        return self._tokens.login_id(bearer) or self._api_keys.login_id(bearer)

    async def resolve(self, bearer: str) -> Principal | None:
        """Whom it names now; None when it opens nothing."""
        return await self._tokens.resolve(bearer) or await self._api_keys.resolve(bearer)
