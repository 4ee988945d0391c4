"""Streamlit's script: runs from top to bottom for every look at the dashboard."""

from dashboard import shell

shell.run()
