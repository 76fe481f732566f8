"""Passwords: argon2id, and a comparison that takes as long for a name that nobody has."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from debrief.errors import InputRejected

PASSWORD_MIN_CHARS = 8
PASSWORD_MAX_CHARS = 1000


def hash_password(password: str) -> str:
    """Raises InputRejected where it is too short or too long."""
    if not PASSWORD_MIN_CHARS <= len(password) <= PASSWORD_MAX_CHARS:
        raise InputRejected("password_length", least=PASSWORD_MIN_CHARS)
    return _hasher().hash(unicodedata.normalize("NFC", password))


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one of this hash. Without a hash it costs the same, and is wrong."""
    try:
        given = unicodedata.normalize("NFC", password[:PASSWORD_MAX_CHARS])
        return _hasher().verify(password_hash or _nobodys_hash(), given) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    """argon2id with the library's own (RFC 9106, low memory) parameters."""
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """What an unknown name's password is compared with."""
    return _hasher().hash(secrets.token_urlsafe(16))
