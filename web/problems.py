"""Refusals of the API as JSON (`application/problem+json`, RFC 9457, with our own three members).

`error` is a stable word for programs, `reason` a sentence for people, `field` the part of the body at fault or null.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

NAMES = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "not_json",
    422: "invalid",
    500: "internal",
    503: "not_ready",
}


def body(error: str, reason: str, field: str | None = None) -> dict[str, Any]:
    return {"error": error, "reason": reason, "field": field}


def problem(status: int, error: str, reason: str, field: str | None = None) -> Response:
    response = jsonify(body(error, reason, field))
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="carpe"'
    return response
