"""What `import rag` gives."""

import subprocess
import sys

import pytest

import rag


def test_every_public_name_is_there() -> None:
    """All that `__all__` promises can be imported, and nothing in it is the wrong thing."""
    assert dir(rag) == sorted(rag.__all__)
    assert [getattr(rag, name).__name__ for name in rag.__all__] == list(rag.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A typing mistake is told as Python tells it."""
    with pytest.raises(AttributeError, match="Fotnote"):
        _ = rag.Fotnote


def test_importing_it_loads_no_heavy_library() -> None:
    """`import rag` leaves LangChain, Chroma and onnxruntime where they are."""
    heavy = ("langchain_core", "chromadb", "onnxruntime", "tantivy")
    code = f"import sys, rag; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
