"""What schemathesis cannot know: who the clients and the people are. Half of its requests are helped past the door.

Which half, a request itself decides, so that the same one is always sent in the same way.
ISSUER_WORLD is a JSON object: admin_id, admin_token, client_id, client_secret, redirect_uri, other_client_id, login, password,
user_token, id_token, sign_in_request, sign_in_cookie.
"""

import base64
import json
import os
import zlib

import schemathesis

world = json.loads(os.environ["ISSUER_WORLD"])
credentials = f"{world['client_id']}:{world['client_secret']}".encode()
basic = "Basic " + base64.b64encode(credentials).decode()

person = {"username": world["login"], "password": world["password"]}
client_credentials = {"grant_type": "client_credentials", "scope": "read_weather"}
authorize = {"client_id": world["client_id"], "redirect_uri": world["redirect_uri"], "response_type": "code"}

# By the end of the path: parameters that are put into the form or the query.
good_parameters = {
    "v1/token": [client_credentials, {"grant_type": "password", "scope": "openid", **person}],
    "v1/introspect": [{"token": world["user_token"]}, {"token": world["id_token"]}],
    "v1/authorize": [authorize],
    "v1/authorize/sign-in": [{"request": world["sign_in_request"], **person}, {"request": world["sign_in_request"]}],
    "v1/logout": [{"id_token_hint": world["id_token"], "client_id": world["client_id"]}],
    "/oauth/token": [{"grant_type": "client_credentials", "audience": "api://default"}],
    "/auth": [{}],
}
good_ids = {"serverId": "default", "clientId": world["other_client_id"], "file": "swagger-ui.css"}
with_client = ("v1/token", "v1/introspect", "v1/revoke", "/oauth/token", "/auth")
needed = (world["admin_id"], world["client_id"])


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    parts = (case.method, path, case.path_parameters, case.query, case.body)
    digest = zlib.crc32(repr(parts).encode("utf-8", "backslashreplace"))
    # Each from a source of its own: what is throttled would hide everything else.
    case.headers["x-forwarded-for"] = f"198.18.{digest % 251}.{digest // 251 % 251}"
    spare(case.path_parameters, "clientId")
    if path == "/client":
        spare(case.body, "client_id")
    if digest % 2:
        help_in(case, path, digest // 2)


def spare(parameters, name):
    """Schemathesis tries what it has seen in lists: without these clients, everything else would be 401."""
    if isinstance(parameters, dict) and parameters.get(name) in needed:
        parameters[name] = "0oaNobody"


def help_in(case, path, digest):
    for name in case.path_parameters or {}:
        # What is removed is missing from there on.
        if case.method != "DELETE":
            case.path_parameters[name] = good_ids.get(name, case.path_parameters[name])
    case.headers["Authorization"] = authorization(path)
    for end, choices in good_parameters.items():
        if path.endswith(end):
            put(case, choices[digest % len(choices)], path)
    if path.endswith("sign-in"):
        case.cookies["issuer-sign-in"] = world["sign_in_cookie"]


def authorization(path):
    if path.endswith(with_client):
        return basic
    return f"Bearer {world['user_token' if path.endswith('v1/userinfo') else 'admin_token']}"


def put(case, parameters, path):
    if case.method == "GET":
        case.query = {**(case.query or {}), **parameters}
    elif isinstance(case.body, dict):
        is_with_client = path.endswith(with_client)
        kept = {name: value for name, value in case.body.items() if not (is_with_client and name.startswith("client_"))}
        case.body = {**kept, **parameters}
