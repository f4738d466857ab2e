"""Who may use the dashboard: users, their sessions, and tokens of programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine, delete, exists, insert, select, update

from monitor.store.engine import insert_into, reading, writing
from monitor.store.face_rows import API_TOKENS, SESSIONS, USERS

Role = Literal["viewer", "annotator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "annotator", "admin")
"""Each may do what the ones before may, and more."""

_USE_NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    name: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A program's right to ask.

    Attributes:
        used_at: When it was last used, to the hour.
    """

    id: int
    label: str
    role: Role
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class Accounts:
    """Reads and writes accounts; secrets come in as digests or hashes alone.

    Args:
        engine: From `open_engine`, migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Users

    def save_user(self, name: str, role: Role, password_hash: str, *, at: datetime) -> None:
        """Adds a user, or gives one another role and password; their sessions end."""
        values = {"role": role, "password_hash": password_hash}
        with writing(self._engine) as connection:
            insertion = insert_into(connection, USERS).values(name=name, created_at=at, **values)
            connection.execute(
                insertion.on_conflict_do_update(index_elements=[USERS.c.name], set_=values)
            )
            connection.execute(delete(SESSIONS).where(SESSIONS.c.user_name == name))

    def set_role(self, name: str, role: Role) -> bool:
        """Gives a user another role, at once; returns whether there is such a user."""
        statement = update(USERS).where(USERS.c.name == name).values(role=role)
        with writing(self._engine) as connection:
            return bool(connection.execute(statement).rowcount)

    def remove_user(self, name: str) -> bool:
        """Removes a user with their sessions; returns whether there was one."""
        with writing(self._engine) as connection:
            return bool(connection.execute(delete(USERS).where(USERS.c.name == name)).rowcount)

    def users(self) -> list[User]:
        """Lists the users by name."""
        statement = select(USERS.c.name, USERS.c.role, USERS.c.created_at).order_by(USERS.c.name)
        with reading(self._engine) as connection:
            return [User(*row) for row in connection.execute(statement)]

    def has_users(self) -> bool:
        """Tells whether anybody can log in."""
        with reading(self._engine) as connection:
            return bool(connection.execute(select(exists().select_from(USERS))).scalar_one())

    def user(self, name: str) -> User | None:
        """Gives a user."""
        statement = select(USERS.c.name, USERS.c.role, USERS.c.created_at)
        with reading(self._engine) as connection:
            row = connection.execute(statement.where(USERS.c.name == name)).one_or_none()
        return None if row is None else User(*row)

    def password_hash(self, name: str) -> str | None:
        """Gives what is kept of a user's password."""
        statement = select(USERS.c.password_hash).where(USERS.c.name == name)
        with reading(self._engine) as connection:
            return connection.execute(statement).scalar_one_or_none()

    # Sessions

    def open_session(self, name: str, digest: str, *, at: datetime, until: datetime) -> None:
        """Remembers a login; sessions that are over go."""
        with writing(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= at))
            row = {"digest": digest, "user_name": name, "created_at": at, "expires_at": until}
            connection.execute(insert(SESSIONS).values(row))

    def session_user(self, digest: str, *, at: datetime) -> User | None:
        """Gives the user of a session that is not over."""
        statement = (
            select(USERS.c.name, USERS.c.role, USERS.c.created_at)
            .select_from(SESSIONS.join(USERS, SESSIONS.c.user_name == USERS.c.name))
            .where(SESSIONS.c.digest == digest, SESSIONS.c.expires_at > at)
        )
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else User(*row)

    def close_session(self, digest: str) -> None:
        """Ends a session."""
        with writing(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == digest))

    # Tokens

    def add_token(self, label: str, role: Role, digest: str, *, at: datetime) -> int:
        """Remembers a token and returns its number."""
        row = {"digest": digest, "label": label, "role": role, "created_at": at}
        statement = insert(API_TOKENS).values(row).returning(API_TOKENS.c.id)
        with writing(self._engine) as connection:
            return int(connection.execute(statement).scalar_one())

    def token(self, digest: str, *, at: datetime) -> ApiToken | None:
        """Gives a token that has not been revoked, and notes its use once an hour."""
        found = self._tokens(API_TOKENS.c.digest == digest, API_TOKENS.c.revoked_at.is_(None))
        if not found:
            return None
        token = found[0]
        if token.used_at is None or at - token.used_at >= _USE_NOTED_EVERY:
            with writing(self._engine) as connection:
                connection.execute(
                    update(API_TOKENS).where(API_TOKENS.c.id == token.id).values(used_at=at)
                )
        return token

    def tokens(self) -> list[ApiToken]:
        """Lists the tokens, revoked ones too, oldest first."""
        return self._tokens()

    def revoke_token(self, token_id: int, *, at: datetime) -> bool:
        """Takes a token's right away; returns whether it had one."""
        token = API_TOKENS.c
        statement = (
            update(API_TOKENS)
            .where(token.id == token_id, token.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        with writing(self._engine) as connection:
            return bool(connection.execute(statement).rowcount)

    def _tokens(self, *conditions: object) -> list[ApiToken]:
        token = API_TOKENS.c
        columns = (getattr(token, name) for name in ApiToken.__slots__)
        statement = select(*columns).where(*conditions).order_by(token.id)  # type: ignore[arg-type]
        with reading(self._engine) as connection:
            return [ApiToken(*row) for row in connection.execute(statement)]
