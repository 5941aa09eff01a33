"""What Alembic runs: the steps, on the connection that the caller has begun a transaction on."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
