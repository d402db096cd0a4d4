"""How the nodes are wired and run: configuration, definition, runners, CLI."""
