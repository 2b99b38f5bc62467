"""Handlers: what users write, what they are given (`event`, `api`), and how they are run."""
