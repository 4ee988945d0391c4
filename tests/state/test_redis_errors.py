"""What each reply of Redis means, in the words of 6.2 and of 7."""

from __future__ import annotations

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError

from gateway.state.redis_errors import is_bug, is_full

IN_A_SCRIPT = "ERR Error running script (call to f_bd6f): @user_script:1: @user_script: 1: -"


@pytest.mark.parametrize("wrapped", ["", IN_A_SCRIPT], ids=["alone", "in a script of 6.2"])
@pytest.mark.parametrize(
    "reply",
    [
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "CLUSTERDOWN The cluster is down",
        "NOREPLICAS Not enough good replicas to write.",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "TRYAGAIN Multiple keys request during rehashing of slot",
    ],
    ids=lambda reply: reply.split()[0],
)
def test_a_server_that_takes_no_write_is_no_bug(reply, wrapped):
    error = BaseParser.parse_error(wrapped + reply)
    assert not is_bug(error)
    assert not is_full(error)


@pytest.mark.parametrize("wrapped", ["", IN_A_SCRIPT], ids=["alone", "in a script of 6.2"])
def test_a_full_memory_is_told_apart(wrapped):
    error = BaseParser.parse_error(f"{wrapped}OOM command not allowed when used memory > 'maxmemory'.")
    assert is_full(error)
    assert not is_bug(error)


@pytest.mark.parametrize(
    "reply",
    [
        "ERR unknown command `NOPE`, with args beginning with: ",
        "ERR Error running script (call to f_1bb1): @user_script:1: @user_script: 1: Wrong number of args",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "NOPERM this user has no permissions to run the 'set' command",
        "ERR user_script:1: Script attempted to access nonexistent global variable 'READONLY'",
    ],
)
def test_a_wrong_command_is_a_bug(reply):
    error = BaseParser.parse_error(reply)
    assert is_bug(error)
    assert not is_full(error)


@pytest.mark.parametrize("error", [RedisConnectionError("gone"), TimeoutError(), BaseParser.parse_error("LOADING x")])
def test_a_lost_connection_is_no_bug(error):
    assert not is_bug(error)
    assert not is_full(error)
