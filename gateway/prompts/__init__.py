"""Prompt templates and brand voices: from files to the messages of a request. `compose` is what a stage calls."""

from gateway.prompts.compose import Composed, compose
from gateway.prompts.library import Library, LibraryError
from gateway.prompts.variables import validate_variables

__all__ = ["Composed", "Library", "LibraryError", "compose", "validate_variables"]
