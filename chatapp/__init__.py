"""A self-hosted AI chat app in which a reply is a log, and everything that shows it is a reader of that log."""

__version__ = "0.1.0"
