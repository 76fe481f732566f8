"""The background: the only home of huey. The job row is the job; Huey is only the bell that announces it."""
