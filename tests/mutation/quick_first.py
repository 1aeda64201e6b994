"""Asks tests of one module before those that make a world: the first that fails has found the mutant."""


def pytest_collection_modifyitems(items):
    """Keep the order of each kind."""
    items.sort(key=lambda item: "unit" not in item.path.parts)
