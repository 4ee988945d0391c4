"""HTTP: parse, hand over to the pipeline, write bytes. No decisions are made here."""
