"""Trains the verifier of the semantic cache from a folder of labelled pairs; no part of the product."""
