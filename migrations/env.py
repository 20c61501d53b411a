"""Runs the migrations on the connection that the caller gives (`engine.store.schema`), in its transaction.

There is no alembic.ini: this works from any directory and from an installed wheel. A new migration is a new file in
`versions/`; `tests/test_migrations.py` says whether all of them together equal `engine/store/tables.py`.
"""

from __future__ import annotations

from alembic import context

from engine.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    compare_type=True,
)
context.run_migrations()
