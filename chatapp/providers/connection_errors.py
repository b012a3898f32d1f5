"""Why a connection to a model's server failed, in words for the person who waits.

The SDK's own words are "Connection error."; its transport also reports a refused connection as a timeout. The
truth is in what aiohttp raised, further down the chain of causes.
"""

from collections.abc import Iterator

import aiohttp
import httpx2

from chatapp.domain.errors import ProviderError, ProviderGarbage, ProviderTimeout, ProviderUnreachable


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def connection_error(error: BaseException, *, server: str, address_setting: str) -> ProviderError:
    """The error to raise. `server` names the host without secrets, `address_setting` is where it is set."""
    for cause in causes(error):
        if found := _known(cause, server, address_setting):
            return found
    return ProviderUnreachable(f"The connection to {server} broke.")


def _known(cause: BaseException, server: str, address_setting: str) -> ProviderError | None:
    match cause:
        case aiohttp.ClientConnectorDNSError():
            words = (
                f"The address of {server} cannot be found. Please check {address_setting} and the network."
            )
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            words = (
                f"{server} could not be trusted: its certificate is not valid for this machine. Please check "
                f"{address_setting} and this machine's clock."
            )
        case aiohttp.ConnectionTimeoutError():
            words = f"{server} could not be reached in time. Please check {address_setting} and the network."
        case aiohttp.ClientConnectorError():
            words = f"{server} refuses connections. Is it running? Please check {address_setting}."
        case aiohttp.ServerDisconnectedError():
            return ProviderUnreachable(f"{server} closed the connection.")
        case aiohttp.SocketTimeoutError() | httpx2.ReadTimeout():
            return ProviderTimeout(f"{server} stopped sending.")
        case aiohttp.ClientResponseError() | httpx2.DecodingError() | httpx2.RemoteProtocolError():
            return ProviderGarbage(f"{server} sent something that is not an answer.")
        case (
            aiohttp.InvalidURL()
            | aiohttp.NonHttpUrlClientError()
            | httpx2.InvalidURL()
            | httpx2.UnsupportedProtocol()
        ):
            words = f"The address of {server} is not one. Please check {address_setting}."
        case _:
            return None
    return ProviderUnreachable(words, advice="")
