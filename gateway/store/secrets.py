"""Keys and the one secret behind them: made, stretched into one sub-key per purpose, and digested.

Only digests reach the store. A secret file that is not what this module wrote raises `StoreUnavailable`: with another
secret no key in the store would be found again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from gateway.store.failures import StoreUnavailable

KEY_PREFIX = "sk-atl-"
SESSION_PREFIX = "sess-atl-"
INVITATION_PREFIX = "inv-atl-"
SECRET_FILE = "secret.key"  # noqa: S105 - a file name
SECRET_BYTES = 32
ENCODED = "base64:"  # what follows in ATELIER_SECRET is base64url of the bytes, as of a secret.key
VIRTUAL_KEYS = "atelier/virtual-key/v1"  # labels of the purposes that a KeyDigester serves
SESSIONS = "atelier/session/v1"
INVITATIONS = "atelier/invitation/v1"
ERASURE = "atelier/erasure/v1"
_SHOWN = len(KEY_PREFIX) + 4
_HASH_BYTES = 32


def new_key(random: Callable[[int], bytes] = secrets.token_bytes, *, prefix: str = KEY_PREFIX) -> str:
    """A fresh virtual key, or another token: 32 random bytes in base64url. It is shown once and kept nowhere."""
    return prefix + base64.urlsafe_b64encode(random(32)).rstrip(b"=").decode()


def new_key_id(random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    return new_id("k", random)


def new_id(kind: str, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """An id such as "k_0123456789abcdef"."""
    return f"{kind}_{random(8).hex()}"


def shown_prefix(key: str) -> str:
    """The few first characters by which a person tells keys apart."""
    return key[:_SHOWN]


def litellm_digest(key: str) -> str:
    """What LiteLLM stores for a key: SHA-256, hexadecimal."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def derive(secret: bytes, label: str, length: int = 32) -> bytes:
    """A sub-key of its own for each purpose: HKDF-SHA256 (RFC 5869) without salt, with `label` as its info."""
    return hkdf(secret, salt=b"", info=label.encode(), length=length)


def hkdf(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869: extract, then expand, with SHA-256. `length` is at most 255 * 32 bytes."""
    if not 0 < length <= 255 * _HASH_BYTES:
        raise ValueError(f"HKDF-SHA256 gives 1 to {255 * _HASH_BYTES} bytes, not {length}")
    extracted = hmac.digest(salt or bytes(_HASH_BYTES), secret, "sha256")
    block, out = b"", b""
    for counter in range(1, -(-length // _HASH_BYTES) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        out += block
    return out[:length]


def parse_secret(text: str) -> bytes:
    """The secret that `ATELIER_SECRET` stands for: its own bytes, or after "base64:" those it encodes.

    Raises StoreUnavailable where nothing can be read after "base64:".
    """
    if not text.startswith(ENCODED):
        return text.encode()
    try:
        secret = base64.b64decode(text.removeprefix(ENCODED).encode(), altchars=b"-_", validate=True)
    except ValueError:
        secret = b""
    if not secret:
        raise StoreUnavailable(f"ATELIER_SECRET begins with {ENCODED!r}, but what follows is not base64url.")
    return secret


def shown_secret(secret: bytes) -> str:
    """The value of `ATELIER_SECRET` that stands for these very bytes."""
    return ENCODED + base64.urlsafe_b64encode(secret).decode()


class KeyDigester:
    """Turns a virtual key, or another token with a `label` of its own, into the digest that the store knows it by."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes, label: str = VIRTUAL_KEYS) -> None:
        self._secret = derive(secret, label)

    def digest(self, key: str) -> bytes:
        """HMAC-SHA-256 of the whole key, 32 bytes."""
        return hmac.digest(self._secret, key.encode("utf-8", "surrogatepass"), "sha256")


class Digesters:
    """One for each kind of token that accounts hand out, and one for names that take the place of erased ones."""

    __slots__ = ("erasure", "invitations", "keys", "sessions")

    def __init__(self, secret: bytes) -> None:
        self.keys = KeyDigester(secret)
        self.sessions = KeyDigester(secret, SESSIONS)
        self.invitations = KeyDigester(secret, INVITATIONS)
        self.erasure = KeyDigester(secret, ERASURE)


def load_or_create_secret(data_dir: Path) -> bytes:
    """The 32 bytes of `data_dir`/secret.key, made at the first call, readable by this user only.

    Two processes that come first at once end with the same secret. Raises StoreUnavailable.
    """
    path = data_dir / SECRET_FILE
    try:
        if not path.exists():
            _create(path)
        secret = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(
            f"The secret {path} cannot be read or made ({error.strerror}); check the folder's owner and permissions."
        ) from None
    if len(secret) != SECRET_BYTES:
        raise StoreUnavailable(
            f"The secret {path} has {len(secret)} bytes, not {SECRET_BYTES}; restore it from a backup. "
            "With a new one, every key in the store would have to be made again."
        )
    return secret


def _create(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, it leaves a secret alone that another process has just put there
    except FileExistsError:
        pass
    finally:
        draft.unlink()
