"""What schemathesis cannot know: who the clients and the people are. Every second request is helped past the door.

Which ones, and how, is a matter of counting for each operation: ids differ from run to run, and so does all that is
derived from a request's values. In its first round through the good parameters, and in every other one, they replace all
that schemathesis made up, so that each is surely sent as it is; in between they are put among the rest. The same request
is always sent in the same way.
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

# By the end of the path: parameters for the body of operations that have one, else for the query.
good_parameters = {
    "v1/token": [client_credentials, {"grant_type": "password", "scope": "openid", **person}],
    "v1/introspect": [{"token": world["user_token"]}, {"token": world["id_token"]}],
    "v1/revoke": [{"token": "unknown"}],
    # The page; and the answer to a client that asks for no scope, unless schemathesis puts one beside.
    "v1/authorize": [{**authorize, "scope": "openid"}, authorize],
    "v1/authorize/sign-in": [{"request": world["sign_in_request"], **person}, {"request": world["sign_in_request"]}],
    "v1/logout": [{"id_token_hint": world["id_token"], "client_id": world["client_id"]}],
    "/oauth/token": [{"grant_type": "client_credentials", "audience": "api://default"}],
    "/auth": [{}],
}
new_client = {"client_name": "greeter", "scope": "read_sayhello"}
good_ids = {"serverId": "default", "clientId": world["other_client_id"], "file": "swagger-ui.css"}
with_client = ("v1/token", "v1/introspect", "v1/revoke", "/oauth/token", "/auth")
needed = (world["admin_id"], world["client_id"])

# Of each operation, and of the methods tried in its place: the requests, in the order in which they first came.
turns = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    parts = repr((case.method, path, case.path_parameters, case.query, case.body))
    is_its_own = case.method.lower() == case.operation.method.lower()
    before = turns.setdefault((case.operation.label, is_its_own), {})
    turn = before.setdefault(parts, len(before))
    # Each from a source of its own: what is throttled would hide everything else.
    digest = zlib.crc32(parts.encode("utf-8", "backslashreplace"))
    case.headers["x-forwarded-for"] = f"198.18.{digest % 251}.{digest // 251 % 251}"
    spare(case.path_parameters, "clientId")
    if path == "/client":
        spare(case.body, "client_id")
    if turn % 2 == 0:
        help_in(case, path, turn // 2)


def spare(parameters, name):
    """Schemathesis tries what it has seen in lists: without these clients, everything else would be 401."""
    if isinstance(parameters, dict) and parameters.get(name) in needed:
        parameters[name] = "0oaNobody"


def help_in(case, path, count):
    for name in case.path_parameters or {}:
        # What is removed is missing from there on.
        if case.method != "DELETE":
            case.path_parameters[name] = good_ids.get(name, case.path_parameters[name])
    choices = choices_for(case, path)
    if choices:
        times, choice = divmod(count, len(choices))
        if times % 2:
            put(case, choices[choice], path)
        else:
            replace(case, choices[choice])
    case.headers["Authorization"] = authorization(path)
    if path.endswith("sign-in"):
        case.cookies["issuer-sign-in"] = world["sign_in_cookie"]


def choices_for(case, path):
    for end, choices in good_parameters.items():
        if path.endswith(end):
            return choices
    if case.method == "POST" and path.endswith("v1/clients"):
        return [new_client]
    # What needs no parameters is good without any.
    return [{}] if case.method == "GET" else []


def authorization(path):
    if path.endswith(with_client):
        return basic
    return f"Bearer {world['user_token' if path.endswith('v1/userinfo') else 'admin_token']}"


def replace(case, parameters):
    for name in [name for name in case.headers if name != "x-forwarded-for"]:
        del case.headers[name]
    case.cookies.clear()
    types = case.operation.get_request_payload_content_types()
    case.query = {} if types else dict(parameters)
    if types:
        case.media_type = types[0]
        case.body = dict(parameters)


def put(case, parameters, path):
    if not case.operation.get_request_payload_content_types():
        case.query = {**(case.query or {}), **parameters}
    elif isinstance(case.body, dict):
        is_with_client = path.endswith(with_client)
        kept = {name: value for name, value in case.body.items() if not (is_with_client and name.startswith("client_"))}
        case.body = {**kept, **parameters}
