"""Run by Alembic, on the connection and in the transaction that `migrate` gives it."""

from alembic import context

from referral.adapters.postgres.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
)
context.run_migrations()
