"""What Chroma's client raises, told as our errors, each with its cure."""

from __future__ import annotations

from rag.errors import ConfigurationError, FootnoteError, IndexMismatch, IndexUnavailable


def translated(error: Exception, where: str | None, timeout: float) -> FootnoteError:
    """The error to raise in place of `error`.

    Args:
        where: the address of the server; None when it is our own.
        timeout: seconds that a request may take.
    """
    import chromadb.errors
    import httpx

    server = "the local Chroma server" if where is None else where
    if isinstance(error, FootnoteError):
        return error
    if isinstance(error, httpx.TimeoutException):
        return IndexUnavailable(
            f"Chroma ({server}) did not answer in time (RAG_INDEX_TIMEOUT is {timeout:g} s).",
            "Try again; if it stays so, restart it or allow it more time.",
        )
    if isinstance(error, chromadb.errors.ChromaAuthError | chromadb.errors.AuthorizationError):
        return ConfigurationError(f"Chroma ({server}) refused the token.", "Set RAG_CHROMA_TOKEN.")
    if "dimension" in str(error).lower():
        return IndexMismatch(
            f"Chroma refused vectors of this dimension: {error}.",
            "Set RAG_EMBEDDINGS back, or run `footnote rebuild` and restart.",
        )
    cure = "Try again; `footnote verify` looks for damage." if where is None else "Check RAG_CHROMA_URL."
    if isinstance(error, httpx.TransportError | OSError):
        return IndexUnavailable(f"Chroma ({server}) cannot be reached.", cure)
    return IndexUnavailable(f"Chroma ({server}) cannot be used: {str(error) or type(error).__name__}.", cure)


def was_replaced(error: Exception) -> bool:
    """Whether another try can help: the server was restarted, or the collection was replaced by a rebuild."""
    import httpx
    from chromadb.errors import NotFoundError

    gone = isinstance(error, httpx.TransportError) and not isinstance(error, httpx.TimeoutException)
    closed = isinstance(error, RuntimeError) and "closed" in str(error)  # by another thread that met the same failure
    return gone or closed or isinstance(error, NotFoundError)
