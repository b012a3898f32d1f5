"""Alembic's environment: runs on the connection that `migrate.upgrade` hands over, in its transaction."""

from alembic import context
from sqlmodel import SQLModel

from chatapp.storage import tables
from chatapp.storage.migrate import is_ours

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    include_name=is_ours,
    # SQLite's is, once BEGIN is ours (storage/sqlite.py).
    transactional_ddl=True,
)
assert tables  # imported so that the metadata is whole
context.run_migrations()
