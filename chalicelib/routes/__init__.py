"""The routes that are no turn, a blueprint for each family; `app.py` registers them in order."""
