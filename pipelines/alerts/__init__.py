"""Tells whoever is to know that something is wrong: once, and once when it is over."""

from .watch import Watch, tell_age, tell_restated, watching

__all__ = ["Watch", "tell_age", "tell_restated", "watching"]
