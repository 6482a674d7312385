"""Deployment slots: the swap and all that belongs to it, as pure functions over a record and a few ports."""
