"""The engine: definitions, segments and the decision. Pure: no clock, no client, no logging."""
