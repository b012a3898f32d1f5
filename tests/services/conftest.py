from tests.chat import chat, opening, upstream
from tests.databases import on_both_kinds
from tests.storage.conftest import database

__all__ = ["chat", "database", "on_both_kinds", "opening", "upstream"]
