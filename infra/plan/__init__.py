"""What a load needs and costs: `make plan`, or `python -m infra.plan`; `docs/scaling.md` reads it aloud."""
