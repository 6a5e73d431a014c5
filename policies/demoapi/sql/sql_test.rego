package demoapi.sql_test

import data.demoapi.sql

_databases := {
	"demo": {
		"reader": {"scopes": ["read", "admin"]},
		"writer": {"scopes": ["write"]},
		"ann": {"subjects": ["ann@example.test", "00u1"], "role": "reader"},
		"both": {"scopes": ["read"], "subjects": ["batch"]},
		"nobody": {},
	},
	"other": {"owner": {"scopes": ["read"]}},
}

_login(database, user, sub, scopes) := {
	"action": "connect",
	"user": user,
	"database": database,
	"applicationName": "",
	"options": {},
	"client": {"address": "127.0.0.1", "tls": true},
	"jwt": {"tokenValue": "not read"},
	"principal": {"sub": sub, "cid": "c", "uid": null, "scopes": scopes, "claims": {}, "validation": "local"},
}

_with_options(login, options) := object.union(login, {"options": options})

_opened_as(role) := {"allow": true, "reason": "the token opens this user", "role": role}

_closed := {"allow": false, "reason": "the token does not open this user"}

_unknown := {"allow": false, "reason": "no rule opens this database to this user"}

_must_not_start_with(settings) := {
	"allow": false,
	"reason": concat("", ["settings that a session must not start with: ", settings]),
}

_cases := {
	"a scope opens the user, who is the role": {
		"input": _login("demo", "reader", "c", ["read"]),
		"decision": _opened_as("reader"),
	},
	"one of several scopes is enough": {
		"input": _login("demo", "reader", "c", ["x", "admin"]),
		"decision": _opened_as("reader"),
	},
	"another user's scope does not open it": {
		"input": _login("demo", "writer", "c", ["read"]),
		"decision": _closed,
	},
	"a scope is compared whole": {
		"input": _login("demo", "reader", "c", ["rea", "reading"]),
		"decision": _closed,
	},
	"a subject opens the user, whose role has another name": {
		"input": _login("demo", "ann", "ann@example.test", []),
		"decision": _opened_as("reader"),
	},
	"another subject does not": {
		"input": _login("demo", "ann", "ann@example.test.org", ["read"]),
		"decision": _closed,
	},
	"scope or subject": {
		"input": _login("demo", "both", "batch", []),
		"decision": _opened_as("both"),
	},
	"a user whom nothing opens": {
		"input": _login("demo", "nobody", "c", ["read"]),
		"decision": _closed,
	},
	"an unknown user, even under the own name": {
		"input": _login("demo", "c", "c", ["read"]),
		"decision": _unknown,
	},
	"a user of another database": {
		"input": _login("demo", "owner", "c", ["read"]),
		"decision": _unknown,
	},
	"an unknown database": {
		"input": _login("postgres", "reader", "c", ["read"]),
		"decision": _unknown,
	},
	"settings that change nothing of the decision": {
		"input": _with_options(_login("demo", "reader", "c", ["read"]), {"datestyle": "iso", "statement_timeout": "1s"}),
		"decision": _opened_as("reader"),
	},
	"another role by a setting": {
		"input": _with_options(_login("demo", "reader", "c", ["read"]), {"role": "writer"}),
		"decision": _must_not_start_with("role"),
	},
	"several such settings": {
		"input": _with_options(
			_login("demo", "reader", "c", ["read"]),
			{"search_path": "x", "session_authorization": "writer", "datestyle": "iso"},
		),
		"decision": _must_not_start_with("search_path, session_authorization"),
	},
	"replication, which is told even with its value false": {
		"input": _with_options(_login("demo", "ann", "00u1", []), {"replication": "false"}),
		"decision": _must_not_start_with("replication"),
	},
	"such settings of somebody who is not let in anyway": {
		"input": _with_options(_login("demo", "writer", "c", ["read"]), {"role": "x"}),
		"decision": _closed,
	},
}

test_decision[note] if {
	some note, case in _cases
	sql.decision == case.decision with input as case.input with data.demoapi.databases as _databases
}

test_allow_is_the_decision_without_its_reason[note] if {
	some note, case in _cases
	sql.allow == case.decision.allow with input as case.input with data.demoapi.databases as _databases
}

test_nothing_is_open_to_an_input_without_principal_or_options if {
	login := _login("demo", "reader", "c", ["read"])
	every missing in ["principal", "options", "user", "database"] {
		case := object.remove(login, [missing])
		sql.allow == false with input as case with data.demoapi.databases as _databases
		sql.decision.allow == false with input as case with data.demoapi.databases as _databases
	}
}

test_nothing_is_open_without_an_input if {
	sql.allow == false with data.demoapi.databases as _databases
	sql.decision == _unknown with data.demoapi.databases as _databases
}

test_nothing_is_open_without_data if {
	login := _login("demo", "reader", "c", ["read"])
	sql.allow == false with input as login with data.demoapi.databases as {}
	sql.decision == _unknown with input as login with data.demoapi.databases as {}
}
