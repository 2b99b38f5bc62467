"""The inbound formats: told apart by content, read into triggers, written back byte for byte."""
