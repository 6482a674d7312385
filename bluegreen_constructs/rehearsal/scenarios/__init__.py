"""The scenarios: what is rolled out, what goes wrong, and what must hold."""
