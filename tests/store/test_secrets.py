"""Keys, digests, the secret's file, and one sub-key per purpose (S5, S7)."""

from __future__ import annotations

import hashlib
import hmac
import threading
from pathlib import Path

import pytest

from gateway.store import secrets
from gateway.store.failures import StoreUnavailable
from gateway.store.secrets import KeyDigester, derive, hkdf, load_or_create_secret, new_key, parse_secret, shown_secret


def test_a_key_is_32_random_bytes_in_letters_that_travel() -> None:
    key = new_key(lambda count: bytes(range(count)))
    assert key == "sk-atl-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert len({new_key() for _ in range(1000)}) == 1000


def test_the_shown_prefix_gives_four_letters_away() -> None:
    assert secrets.shown_prefix("sk-atl-ABCDEFGH") == "sk-atl-ABCD"


def test_the_digest_is_an_hmac_of_the_whole_key_under_its_own_sub_key() -> None:
    digester = KeyDigester(b"x" * 32)
    sub_key = derive(b"x" * 32, "atelier/virtual-key/v1")
    assert digester.digest("sk-atl-a") == hmac.digest(sub_key, b"sk-atl-a", "sha256")
    assert "x" * 8 not in repr(digester)


def test_keys_that_differ_in_any_letter_have_different_digests() -> None:
    digester, key = KeyDigester(b"x" * 32), new_key()
    others = {key[:n] + ("A" if key[n] != "A" else "B") + key[n + 1 :] for n in range(len(key))} | {key[:-1], key + "A"}
    assert digester.digest(key) not in {digester.digest(other) for other in others}


def test_another_secret_gives_another_digest() -> None:
    assert KeyDigester(b"x" * 32).digest("k") != KeyDigester(b"y" * 32).digest("k")


def test_any_text_has_a_digest() -> None:
    for text in ("", "\ud800", "\0", "é", "x" * 10**6):
        assert len(KeyDigester(b"x" * 32).digest(text)) == 32
        assert len(secrets.litellm_digest(text)) == 64


def test_an_imported_key_is_digested_as_litellm_does() -> None:
    assert secrets.litellm_digest("sk-1234") == hashlib.sha256(b"sk-1234").hexdigest()


@pytest.mark.parametrize(
    ("secret", "salt", "info", "length", "expected"),
    [  # RFC 5869, appendix A.1 to A.3
        (
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(80)).hex(),
            bytes(range(0x60, 0xB0)).hex(),
            bytes(range(0xB0, 0x100)).hex(),
            82,
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
                "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            "0b" * 22,
            "",
            "",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_is_that_of_the_rfc(secret: str, salt: str, info: str, length: int, expected: str) -> None:
    made = hkdf(bytes.fromhex(secret), salt=bytes.fromhex(salt), info=bytes.fromhex(info), length=length)
    assert made.hex() == expected


@pytest.mark.parametrize("length", [0, -1, 255 * 32 + 1])
def test_hkdf_refuses_a_length_it_cannot_give(length: int) -> None:
    with pytest.raises(ValueError, match="HKDF"):
        hkdf(b"x", salt=b"", info=b"", length=length)


def test_each_purpose_has_a_sub_key_that_says_nothing_of_another() -> None:
    labels = [secrets.VIRTUAL_KEYS, "atelier/cache-key/v1", "atelier/virtual-key/v2", ""]
    assert len({derive(b"x" * 32, label) for label in labels}) == len(labels)
    assert derive(b"x" * 32, "a", 16) == derive(b"x" * 32, "a", 64)[:16]


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    secret = load_or_create_secret(tmp_path)
    (file,) = tmp_path.iterdir()
    assert len(secret) == 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_or_create_secret(tmp_path) == secret


def test_two_data_folders_have_two_secrets(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert load_or_create_secret(tmp_path / "a") != load_or_create_secret(tmp_path / "b")


def test_all_who_come_first_at_once_get_the_same_secret(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found: list[bytes] = []

    def come() -> None:
        start.wait()
        found.append(load_or_create_secret(tmp_path))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [secrets.SECRET_FILE]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_secret_of_the_wrong_size_is_refused_and_kept(tmp_path: Path, size: int) -> None:
    (tmp_path / secrets.SECRET_FILE).write_bytes(b"s" * size)
    with pytest.raises(StoreUnavailable, match=f"has {size} bytes, not 32; restore it"):
        load_or_create_secret(tmp_path)
    assert (tmp_path / secrets.SECRET_FILE).read_bytes() == b"s" * size


def test_a_folder_without_access_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"secret\.key cannot be read or made"):
        load_or_create_secret(tmp_path / "missing")


def test_a_secret_file_can_be_written_as_the_environments_value() -> None:
    for secret in (bytes(range(32)), b"\xff" * 32, b"x"):
        assert parse_secret(shown_secret(secret)) == secret


def test_a_secret_of_the_environment_is_its_own_bytes() -> None:
    assert parse_secret("a long secret, ü") == "a long secret, ü".encode()


@pytest.mark.parametrize("text", ["base64:", "base64:canary!", "base64:abc"])
def test_a_secret_that_cannot_be_read_is_told_without_it(text: str) -> None:
    with pytest.raises(StoreUnavailable, match="ATELIER_SECRET") as told:
        parse_secret(text)
    assert "canary" not in str(told.value)
