"""A self-hosted AI chat app. A reply is a log; everything that shows a reply is a reader of that log."""

__version__ = "0.1.0"
