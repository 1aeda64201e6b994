"""Tidegate beside LiteLLM's proxy and Portkey's gateway: the same requests, the same model, rounds that alternate."""
