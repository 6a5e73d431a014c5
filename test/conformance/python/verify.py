"""Reads one JSON object a line, asks Okta's verifier about its token, and answers "accepted" or "rejected: why".

Argument: okta-jwt or okta-jwt-verifier.
"""

import asyncio
import json
import sys


def by_okta_jwt(asked):
    from okta_jwt.jwt import validate_token

    validate_token(asked["token"], asked["issuer"], asked["audience"], asked["clientId"])


def by_okta_jwt_verifier(asked):
    from okta_jwt_verifier import BaseJWTVerifier

    verifier = BaseJWTVerifier(issuer=asked["issuer"], client_id=asked["clientId"], audience=asked["audience"])
    asyncio.run(verifier.verify_access_token(asked["token"]))


verify = {"okta-jwt": by_okta_jwt, "okta-jwt-verifier": by_okta_jwt_verifier}[sys.argv[1]]
for line in sys.stdin:
    try:
        verify(json.loads(line))
        print("accepted", flush=True)
    except Exception as error:
        print(f"rejected: {type(error).__name__} {error}".replace("\n", " "), flush=True)
