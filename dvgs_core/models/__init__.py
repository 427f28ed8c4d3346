"""Small networks, many at once: every parameter carries a leading member axis."""
