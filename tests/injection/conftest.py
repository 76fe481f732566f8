"""These tests need no file and no socket. A busy machine is no reason to fail a property."""

from hypothesis import settings

settings.register_profile("house", deadline=None, database=None, max_examples=100)
settings.load_profile("house")
