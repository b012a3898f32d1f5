"""The page: the only room that knows Reflex."""
