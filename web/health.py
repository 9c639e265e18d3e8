"""Whether it lives, whether it is ready, and numbers for those who watch it. No personal data here, and a token or
the same computer for the numbers."""

import hmac
import time
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import migrations
from engine import queries
from engine.errors import NotFound, WanggeError
from engine.work import Work
from web import http
from web.http import APIBlueprint, APIFlask, Response, g, request

routes = APIBlueprint("health", __name__, tag="health")


class Meters:
    """The numbers of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "wangge_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram("wangge_request_seconds", "Time to answer", ["route"], registry=self.registry)
        self.gauges = {
            name: Gauge(f"wangge_{name}", name.replace("_", " "), registry=self.registry) for name in queries.GAUGES
        }

    def count(self, response: Response) -> Response:
        """Counts an answer on its way out."""
        self.requests.labels(request.method, http.route(), str(response.status_code)).inc()
        self.seconds.labels(http.route()).observe(time.monotonic() - g.begun)
        return response

    def text(self, work: Work) -> str:
        """Everything, as Prometheus reads it."""
        for name, value in queries.gauges(work).items():
            self.gauges[name].set(value)
        return generate_latest(self.registry).decode()


def measure(app: APIFlask) -> None:
    """Counts every answer of the application from here on."""
    app.extensions["wangge.meters"] = meters = Meters()
    app.after_request(meters.count)


@routes.get("/livez")
def livez() -> dict[str, str]:
    """存活 It lives"""
    return {"status": "ok"}


@routes.get("/readyz")
def readyz() -> Response:
    """就绪 It can serve: database, schema, clock"""
    checks = _checks(http.site().settings.clock_patience)
    ready = all(checks.values())
    return http.answer_json({"status": "ok" if ready else "not ready", **checks}, 200 if ready else 503)


def _checks(patience: timedelta) -> dict[str, Any]:
    try:
        with http.site().engine.look() as work:
            beat = queries.last_heartbeat(work)
            return {
                "database": True,
                "schema": migrations.current(work.connection) == migrations.head(),
                "clock": beat is not None and work.now - beat <= patience,
            }
    except WanggeError:
        return {"database": False}


@routes.get("/metrics")
@routes.doc(hide=True)
def metrics() -> Response:
    """Numbers for Prometheus."""
    if not _may_read():
        raise NotFound("http.404", "没有这个地址。", "There is nothing at this address.")
    meters: Meters = http.current_app.extensions["wangge.meters"]
    with http.site().engine.look() as work:
        return http.text(meters.text(work), CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    """With the token; without one set, from this computer and not through a proxy on it."""
    token = http.site().settings.metrics_token
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return not passed_on and bool(request.remote_addr) and ip_address(str(request.remote_addr)).is_loopback
