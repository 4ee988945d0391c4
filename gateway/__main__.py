"""`python -m gateway`, and the `atelier` command."""

from __future__ import annotations


def main() -> None:
    from gateway.cli import cli  # noqa: PLC0415 - so that importing this module stays free

    cli(prog_name="atelier")


if __name__ == "__main__":
    main()
