"""Texts to vectors: offline, on Bedrock, and at any OpenAI-compatible server."""
