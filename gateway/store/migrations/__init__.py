"""Alembic migrations; `gateway.store.schema` runs them."""
