"""The SQL store: tables, migrations, and what is read and written outside the ledger's hot path."""
