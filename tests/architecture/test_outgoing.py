"""Who opens connections: the providers, to addresses of the settings, and nobody else.

So nothing that a user or a model writes can be an address that the server goes to. A tool that fetches for
them, once there is one, gets a line here together with its own defences.
"""

import ast
from typing import Final

from tests.architecture.source import ROOT, Source, dotted, imported, sources

#: Modules that can open a connection, by the beginning of their names.
CLIENTS: Final = (
    "aiohttp",
    "asyncssh",
    "ftplib",
    "google.genai",
    "http.client",
    "httpcore",
    "httpx",
    "httpx2",
    "imaplib",
    "openai",
    "poplib",
    "requests",
    "smtplib",
    "socket",
    "ssl",
    "subprocess",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "webbrowser",
    "websockets",
    "xmlrpc",
)
#: Calls that do so without one of these, or let another program do it.
CALLS: Final = frozenset(
    {
        "create_connection",
        "create_datagram_endpoint",
        "create_subprocess_exec",
        "create_subprocess_shell",
        "getaddrinfo",
        "open_connection",
        "open_unix_connection",
        "sock_connect",
        "urlopen",
        "Popen",
        "execv",
        "execve",
        "popen",
        "system",
    }
)
#: The only modules with them, and where each goes.
GOERS: Final = {
    "__main__.py": "nowhere: it asks Node for its version",
    "providers/connection_errors.py": "nowhere: it reads what the others' errors mean",
    "providers/gemini.py": "GEMINI_BASE_URL",
    "providers/gemini_http.py": "GEMINI_BASE_URL",
    "providers/openai.py": "OPENAI_BASE_URL, and the local model's child",
    "providers/local.py": "nowhere: it reads the child's errors",
    "providers/local_server.py": "the local model's child, on the loopback",
    "services/stopping.py": "nowhere: a pair of its own ends, on which signals are heard",
    "storage/postgres.py": "DATABASE_URL; a line that fell silent is ended by its own socket",
    "providers/wheel_source.py": "the package index of pip's settings, for one file with a known checksum",
}
#: The only makers of clients, and so the only givers of their addresses.
MAKERS: Final = {
    "OpenAIProvider": {"opening.py", "providers/local.py"},
    "GeminiProvider": {"opening.py"},
}


def name_of(source: Source) -> str:
    return str(source.path.relative_to(ROOT / "chatapp"))


def goes_out(source: Source) -> bool:
    named = {module for module, _ in imported(source.tree)}
    # `from urllib import request` as well.
    named |= {
        f"{node.module}.{one.name}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        for one in node.names
    }
    if any(f"{module}.".startswith(f"{client}.") for module in named for client in CLIENTS):
        return True
    called = (dotted(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return any(name.rpartition(".")[2] in CALLS for name in called)


def test_only_these_modules_can_open_a_connection() -> None:
    """A new one says here where it goes, and why nobody else can say so."""
    assert {name_of(source) for source in sources("chatapp") if goes_out(source)} == GOERS.keys()


def test_an_address_comes_from_the_settings() -> None:
    """Clients are made at start, each with the base URL of a setting; no user or model has a say in it."""
    for source in sources("chatapp"):
        for call in (node for node in ast.walk(source.tree) if isinstance(node, ast.Call)):
            if (kind := dotted(call.func)) in MAKERS:
                assert name_of(source) in MAKERS[kind], source.at(call.lineno)
                [address] = [one.value for one in call.keywords if one.arg == "base_url"]
                assert dotted(address) in {
                    "settings.openai_base_url",
                    "settings.gemini_base_url",
                    "server.base_url",
                }, source.at(call.lineno)
