"""The pages: studio, spend, health."""
