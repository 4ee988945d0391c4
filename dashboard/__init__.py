"""The team's dashboard: `streamlit run dashboard/app.py`, or `make run`."""
