"""Read these first, in the order of their numbers: one idea a file, on the real services and a test upstream.

`chat` is one person's view of opened services, see `tests/chat.py`. What a reply of the upstream is like is
said in square brackets in the message: `[n:20 r:100]` is 20 numbered tokens at 100 a second.
"""
