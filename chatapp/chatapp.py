"""The Reflex app."""

import reflex as rx


def index() -> rx.Component:
    """Say that the build works; the real page takes this one's place."""
    return rx.el.main(rx.el.h1("chatapp", class_name="text-2xl font-bold p-4"))


app = rx.App()
app.add_page(index, route="/", title="chatapp")
