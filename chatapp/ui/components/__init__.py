"""The parts of the page, each a file; they hold no state of their own."""
