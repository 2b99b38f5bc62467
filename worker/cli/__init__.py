"""The commands: one module each, with no logic beyond asking and showing."""
