"""Atelier: an OpenAI-compatible LLM gateway for content teams. Importing this package imports nothing heavy."""

__version__ = "0.1.0"
