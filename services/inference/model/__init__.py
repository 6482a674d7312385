"""The model artefact, its manifest, and the script and data that make both."""
