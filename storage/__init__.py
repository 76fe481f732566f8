"""The record: the only home of sqlalchemy. Takes and gives plain values and frozen dataclasses, never rows."""
