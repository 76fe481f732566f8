"""The model: the only home of openai. vLLM is a process that we talk to over HTTP, never an import."""
