"""Money: prices, holds, captures and the append-only record of every attempt."""
