"""Logs in with the password from the environment, by the driver named, and prints who it is and how the session ends."""

import importlib
import sys

driver = importlib.import_module(sys.argv[1])
# Everything else is in the variables of libpq.
connection = driver.connect("sslmode=verify-full")
cursor = connection.cursor()
cursor.execute("select current_user")
print(cursor.fetchone()[0])
try:
    cursor.execute("select pg_sleep(600)")
except driver.Error as error:
    # By the names of psycopg 3 and psycopg2.
    print(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None), error)
