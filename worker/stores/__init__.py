"""Sticky assignments: what remembers the first variation a subject was given."""
