"""The page about people: who they are, their teams, keys, brands and invitations, and what was done to all of it."""
