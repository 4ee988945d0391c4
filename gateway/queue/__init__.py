"""Waiting for a place at a provider, in memory: there is nothing that could be away."""
