"""How answers look in a terminal, in a pipe and as JSON."""
