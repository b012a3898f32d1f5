from tests.databases import on_both_kinds
from tests.storage.conftest import database

__all__ = ["database", "on_both_kinds"]
