"""The contract of an index, over a real OpenSearch: the tests are those of `tests/contract/test_vectors.py`."""

from tests.contract import test_vectors

globals().update({name: each for name, each in vars(test_vectors).items() if name.startswith("test_")})
