"""The operator's page: processes and their memory, the model, the queue, the database."""
