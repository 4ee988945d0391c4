"""Staying up while providers fail: pure bookkeeping with an injected clock, no I/O, nothing that can be away itself."""
