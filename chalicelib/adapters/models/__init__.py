"""Chat models: simulated, at any OpenAI-compatible server, and on Bedrock."""
