"""Logs in to a database with a token that the program signs itself, with an Ed25519 key of its own."""

import base64
import json
import os
import time

import psycopg2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make_token(key, subject, seconds):
    header = {"typ": "JWT", "alg": "EdDSA", "crv": "Ed25519"}
    payload = {"sub": subject, "exp": int(time.time()) + seconds}
    signed = base64url(json.dumps(header).encode()) + b"." + base64url(json.dumps(payload).encode())
    return (signed + b"." + base64url(key.sign(signed))).decode()


def current_user(password):
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=os.environ["DATABASE_PORT"],
        dbname=os.environ["DATABASE_NAME"],
        user=os.environ["DATABASE_USER"],
        password=password,
        sslmode="require",
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("select current_user")
        return cursor.fetchone()[0]


def attempt(name, token):
    try:
        print(f"{name}:", current_user(token))
    except psycopg2.OperationalError as error:
        print(f"{name}:", error)


user = os.environ["DATABASE_USER"]
with open(os.environ["PRIVATE_KEY"], "rb") as file:
    private_key = load_pem_private_key(file.read(), password=None)
attempt("good", make_token(private_key, user, 60))
attempt("expired", make_token(private_key, user, -60))
attempt("of a foreign key", make_token(Ed25519PrivateKey.generate(), user, 60))
attempt("of somebody else", make_token(private_key, "somebody", 60))
