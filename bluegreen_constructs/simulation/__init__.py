"""Rollouts played by random numbers: made-up traffic, judged by the real judgement."""
