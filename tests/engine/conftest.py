from tests.chat import chat, opening, upstream

__all__ = ["chat", "opening", "upstream"]
