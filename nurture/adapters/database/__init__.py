"""The one schema and its queries, on SQLite and PostgreSQL."""
