"""Generations are objects, not sockets: they belong to the app, and a client's connection subscribes to one."""
