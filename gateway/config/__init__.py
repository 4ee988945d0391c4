"""Configuration: the only reader of YAML and of the environment.

`load` gives a frozen `Config` or raises `ConfigError`, which names every mistake by file, line and key;
`deployments.resolve` turns the model list into deployments.
"""

from __future__ import annotations

from gateway.config.config import Config
from gateway.config.environment import config_path, read_environment
from gateway.config.loader import load
from gateway.config.problems import ConfigError, Mark, Problem
from gateway.config.schema import json_schema

__all__ = ["Config", "ConfigError", "Mark", "Problem", "config_path", "json_schema", "load", "read_environment"]
