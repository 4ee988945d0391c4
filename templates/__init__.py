"""Data, not code: the prompt templates and brand voices that come with the gateway. See docs/templates.md."""
