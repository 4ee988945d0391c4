"""Measures what a request and a streamed chunk cost in this gateway, beside the least they can cost in Python.

A program of its own (`python -m benchmarks`); nothing of the gateway imports it. README.md says how to read it.
"""
