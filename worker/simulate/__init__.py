"""A seeded simulator of authentication traffic: people who register and come back, in every inbound format."""
