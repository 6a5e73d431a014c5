"""Logs in to a database with an ID token as the password, then with a refreshed one, then with something else."""

import os

import psycopg
import requests


def fetch_tokens(**grant):
    answer = requests.post(
        os.environ["TOKEN_URL"],
        auth=(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]),
        data={**grant, "scope": "openid offline_access"},
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json()


def current_user(password):
    connection = psycopg.connect(
        host="localhost",
        port=os.environ["DATABASE_PORT"],
        dbname=os.environ["DATABASE_NAME"],
        user=os.environ["DATABASE_USER"],
        password=password,
        sslmode="verify-full",
        sslrootcert=os.environ["DATABASE_CA"],
        options="--crdb:jwt_auth_enabled=true",
    )
    with connection:
        return connection.execute("select current_user").fetchone()[0]


tokens = fetch_tokens(
    grant_type="password", username=os.environ["LOGIN"], password=os.environ["LOGIN_PASSWORD"]
)
print("id_token:", current_user(tokens["id_token"]))
refreshed = fetch_tokens(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
print("refreshed:", current_user(refreshed["id_token"]), refreshed["id_token"] != tokens["id_token"])
try:
    current_user("bogus")
except psycopg.OperationalError as error:
    print("bogus:", error)
