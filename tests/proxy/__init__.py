"""chatapp behind a real Caddy, with the project's own Caddyfile."""
