"""Tidegate's runtime. Nouns in `domain`, verbs in `pipeline`, vendors in `adapters`, wire formats in `edge`.

    bootstrap                the only module that knows both sides of a port
    edge | adapters          HTTP and Lambda events | AWS and model vendors
    pipeline                 the life of a turn, stage by stage
    ports                    what the pipeline asks of the world
    domain                   values and rules, free of input and output
    settings                 the environment, read once

Imports point down this list and never up; `make imports` holds it.
"""
