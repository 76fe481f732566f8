"""Tokens of accounts, all of them, as an admin sees, makes and revokes them; a token itself is `storage/tokens.py`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from debrief.errors import Conflict, NotFound
from storage.accounts import Account
from storage.engine import Database
from storage.tables import AccountRow, ProgramTokenRow
from storage.tokens import Owner, ProgramToken, make_token, revoke_token


@dataclass(frozen=True)
class AccountToken:
    token: ProgramToken
    account_id: str
    account_name: str


def list_account_tokens(db: Database) -> list[AccountToken]:
    """Those of all accounts, the newest first."""
    query = (
        select(ProgramTokenRow, AccountRow.id, AccountRow.name)
        .join(AccountRow, AccountRow.id == ProgramTokenRow.account_id)
        .order_by(ProgramTokenRow.created_at.desc(), ProgramTokenRow.id)
    )
    with db.read() as session:
        return [
            AccountToken(ProgramToken(row.id, row.label, row.created_at, row.used_at), account_id, name)
            for row, account_id, name in session.execute(query)
        ]


def make_account_token(db: Database, admin: Account, account_id: str, label: str) -> tuple[ProgramToken, str]:
    """A token with which a program acts for this account; it and its text, which is kept nowhere.

    Raises:
        NotFound: there is no such account.
        Conflict: `account_shut`: it is shut; or as `make_token`.
        InputRejected: as `make_token`.
    """
    with db.read() as session:
        row = session.get(AccountRow, account_id)
        if row is None:
            raise NotFound
        if row.disabled_at is not None:
            raise Conflict("account_shut", name=row.name)
    return make_token(db, Owner(account_id=account_id), label, actor=admin.id)


def revoke_account_token(db: Database, admin: Account, token_id: str) -> None:
    """From now on the token is nobody. Raises NotFound: no account has such a token."""
    with db.read() as session:
        row = session.get(ProgramTokenRow, token_id)
        account_id = row.account_id if row else None
    if account_id is None:
        raise NotFound
    revoke_token(db, Owner(account_id=account_id), token_id, actor=admin.id)
