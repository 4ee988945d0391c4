"""The admin surface: people, teams, brands, keys, invitations, audit. Parse, ask accounts, write bytes."""
