"""Lambda entry points: parse, choose adapters, act, answer."""
