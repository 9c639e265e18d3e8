"""The versions of the schema. Alembic is configured here, in code, so that the one address of the database is the
store's; versions and protections lie beside this file. Each function works in the caller's transaction."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection, to: str = "head") -> None:
    """Applies every version up to `to`."""
    command.upgrade(_config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Takes versions back down to `to` (`base`: all of them, with everything the tables hold)."""
    command.downgrade(_config(connection), to)


def current(connection: Connection) -> str | None:
    """The version the database has; None: it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def head() -> str | None:
    """The newest version there is."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
