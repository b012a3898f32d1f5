"""The Reflex app: its page, the doors before it, and what runs as long as it does."""

from functools import partial
from typing import Final

import reflex as rx
from reflex.app import default_error_boundary

from chatapp.api.access_log import AccessLog
from chatapp.api.app import make_api
from chatapp.api.asking import Asking
from chatapp.api.guard import Guard
from chatapp.api.headers import SecurityHeaders
from chatapp.api.packets import EventRules
from chatapp.api.pages import Pages
from chatapp.api.policy import guard_policy
from chatapp.domain.health import Report
from chatapp.services.accounts import Accounts
from chatapp.services.bearers import Bearers
from chatapp.settings import load_or_exit
from chatapp.streams.limits import Limits
from chatapp.telemetry.metrics import Metrics
from chatapp.ui.access import opened_services, services
from chatapp.ui.built import serve_built_pages
from chatapp.ui.components.browser import early_script
from chatapp.ui.csp import content_security_policy
from chatapp.ui.entrance import entrance
from chatapp.ui.exceptions import on_backend_error, on_frontend_error, quieten
from chatapp.ui.gate import Gate, callable_by_browsers, check, storage_vars
from chatapp.ui.hydration import Hydration
from chatapp.ui.login_page import add_login_page
from chatapp.ui.overseeing import add_admin_page
from chatapp.ui.page import add_page
from chatapp.ui.serving import serve_screens
from chatapp.ui.settings_page import add_settings_page
from chatapp.ui.theme import STYLESHEETS


def accounts() -> Accounts:
    """Who somebody is. Raises `Unavailable` while the app starts or stops."""
    return services().accounts


def bearers() -> Bearers:
    """Whom a program's token or key names. Raises `Unavailable` while the app starts or stops."""
    return services().bearers


def limits() -> Limits:
    """How often somebody may call. Raises `Unavailable` while the app starts or stops."""
    return services().limits


async def health() -> Report:
    """How everything behind the page is. Raises `Unavailable` while the app starts or stops."""
    return await services().health.report()


#: Pages with a file of their own; all other addresses are the chat's.
PAGES: Final = frozenset({"/login", "/settings", "/admin"})

quieten()
serve_built_pages()
policy = guard_policy(load_or_exit(), origins=rx.config.get_config().cors_allowed_origins)
metrics = Metrics()
rules = EventRules(is_handler=callable_by_browsers, storage_vars=storage_vars)
app = rx.App(
    html_lang="en",
    stylesheets=STYLESHEETS,
    head_components=[early_script(), entrance()],
    # Reflex's own overlays and toasts need eval in the browser, which our policy forbids.
    app_wraps={(55, "ErrorBoundary"): lambda _: default_error_boundary()},
    toaster=None,
    backend_exception_handler=on_backend_error,
    frontend_exception_handler=on_frontend_error,
    # The last one is outermost. It only adds to answers, the guard's as well: the guard sees requests first.
    api_transformer=[
        make_api(behind=services, health=health, policy=policy, metrics=metrics),
        partial(Pages, paths=PAGES),
        partial(Asking, policy=policy, logins=accounts, bearers=bearers, limits=limits),
        partial(Guard, policy=policy, logins=accounts, bearers=bearers, rules=rules),
        partial(SecurityHeaders, policy=policy, content_security_policy=content_security_policy),
        partial(AccessLog, metrics=metrics),
    ],
)
add_page(app)
add_login_page(app)
add_settings_page(app)
add_admin_page(app)
app.add_middleware(Gate(accounts), index=0)
app.add_middleware(Hydration())
app.register_lifespan_task(opened_services, metrics=metrics)
app.register_lifespan_task(serve_screens)
check()
