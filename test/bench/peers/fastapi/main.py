"""The article's design as well as FastAPI can do it: okta-jwt or introspection, then OPA, with one shared HTTP client.

Environment: ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET, OPA_AUTHZ_URL, VALIDATION (local or remote).
"""

import os
from contextlib import asynccontextmanager

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer
from okta_jwt.jwt import validate_token

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ["AUDIENCE"]
CLIENT_ID = os.environ["CLIENT_ID"]
CLIENT_SECRET = os.environ["CLIENT_SECRET"]
OPA_AUTHZ_URL = os.environ["OPA_AUTHZ_URL"]
VALIDATION = os.environ["VALIDATION"]


@asynccontextmanager
async def lifespan(application: FastAPI):
    # The article opens a client, and with it a TLS context, per call. Comparing with that would flatter everybody.
    async with httpx.AsyncClient() as client:
        application.state.client = client
        yield


app = FastAPI(lifespan=lifespan)
bearer = OAuth2PasswordBearer(tokenUrl="token")


async def introspected_scopes(client: httpx.AsyncClient, token: str) -> list[str]:
    answer = await client.post(
        f"{ISSUER}/v1/introspect", data={"token": token}, auth=(CLIENT_ID, CLIENT_SECRET)
    )
    claims = answer.json()
    if answer.status_code != httpx.codes.OK or claims.get("active") is not True:
        raise HTTPException(status_code=401)
    return claims["scope"].split()


def local_scopes(token: str) -> list[str]:
    try:
        return validate_token(token, ISSUER, AUDIENCE, [CLIENT_ID])["scp"]
    except Exception:
        raise HTTPException(status_code=401) from None


async def guard(request: Request, token: str = Depends(bearer)) -> None:
    client: httpx.AsyncClient = request.app.state.client
    scopes = await introspected_scopes(client, token) if VALIDATION == "remote" else local_scopes(token)
    # `principal` is what this project's policy reads; the article's own policy decodes the token once more.
    policy_input = {
        "method": request.method,
        "api": request.url.path,
        "jwt": {"tokenValue": token},
        "route": request.url.path,
        "params": {},
        "principal": {"sub": CLIENT_ID, "cid": CLIENT_ID, "uid": None, "scopes": scopes, "claims": {}},
    }
    answer = await client.post(OPA_AUTHZ_URL, json={"input": policy_input})
    result = answer.json().get("result")
    allowed = result.get("allow") if isinstance(result, dict) else result
    if allowed is not True:
        raise HTTPException(status_code=403)


@app.get("/sayhello")
async def say_hello(_: None = Depends(guard)) -> dict[str, str]:
    return {"message": "Hello there!!"}
