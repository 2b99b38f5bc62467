"""Webhooks: endpoints, signatures, a client that dials no forbidden address, retries."""
