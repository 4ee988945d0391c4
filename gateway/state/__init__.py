"""Limits and cache, shared by nobody (memory) or by every worker; `app.py` chooses by the configured URLs."""
