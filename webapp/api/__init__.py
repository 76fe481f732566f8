"""The JSON API under `/api/v1`: what the pages use, and other programs too. Errors are `{code, message}`."""
