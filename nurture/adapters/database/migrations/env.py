"""Alembic's entry: runs the migrations over the connection it is given."""

from alembic import context

from nurture.adapters.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite", compare_type=True
)
context.run_migrations()
