"""The admin's page and what stands where no page is: one looks like the other to whoever is no admin."""

import reflex as rx

from chatapp.ui.admin import ADMIN_ROUTE, Admin
from chatapp.ui.components.admin import admin_page
from chatapp.ui.components.not_there import not_there


def add_admin_page(app: rx.App) -> None:
    """`/admin`, and the page for addresses that do not exist."""
    app.add_page(admin_page, route=ADMIN_ROUTE, title="chatapp", on_load=Admin.follow)
    app.add_page(not_there, route="404", title="chatapp")
