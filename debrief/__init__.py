"""The subject of Debrief in plain Python and pydantic: conversations, scenarios, feedback, evidence, review.

Knows nothing of the browser, the queue, the database or the model server.
"""
