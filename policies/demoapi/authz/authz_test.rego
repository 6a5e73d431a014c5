package demoapi.authz_test

import data.demoapi.authz

_routes := {
	"/sayhello": {"GET": ["read_sayhello"]},
	"/saysecret": {"GET": ["read_saysecret"]},
	"/orders/:id": {"GET": ["orders", "admin"], "PUT": ["orders"]},
	"/closed": {"GET": []},
}

_request(method, api, route, scopes) := {
	"method": method,
	"api": api,
	"route": route,
	"jwt": {"tokenValue": "not read"},
	"params": {},
	"principal": {"sub": "c", "cid": "c", "uid": null, "scopes": scopes, "claims": {}, "validation": "local"},
}

_cases := {
	"the scope opens the route": {
		"input": _request("GET", "/sayhello", "/sayhello", ["read_sayhello"]),
		"decision": {"allow": true, "reason": "the scope opens this route"},
	},
	"one of several scopes is enough": {
		"input": _request("GET", "/saysecret", "/saysecret", ["a", "read_saysecret"]),
		"decision": {"allow": true, "reason": "the scope opens this route"},
	},
	"another route's scope does not": {
		"input": _request("GET", "/saysecret", "/saysecret", ["read_sayhello"]),
		"decision": {"allow": false, "reason": "the scope is missing", "scope": "read_saysecret"},
	},
	"no scopes": {
		"input": _request("GET", "/sayhello", "/sayhello", []),
		"decision": {"allow": false, "reason": "the scope is missing", "scope": "read_sayhello"},
	},
	"a scope is compared whole": {
		"input": _request("GET", "/sayhello", "/sayhello", ["read_sayhello2", "read_say"]),
		"decision": {"allow": false, "reason": "the scope is missing", "scope": "read_sayhello"},
	},
	"HEAD is asked like GET": {
		"input": _request("HEAD", "/sayhello", "/sayhello", ["read_sayhello"]),
		"decision": {"allow": true, "reason": "the scope opens this route"},
	},
	"another method": {
		"input": _request("POST", "/sayhello", "/sayhello", ["read_sayhello"]),
		"decision": {"allow": false, "reason": "no rule opens this route"},
	},
	"another route": {
		"input": _request("GET", "/other", "/other", ["read_sayhello"]),
		"decision": {"allow": false, "reason": "no rule opens this route"},
	},
	"a route by its template": {
		"input": _request("PUT", "/orders/7", "/orders/:id", ["orders"]),
		"decision": {"allow": true, "reason": "the scope opens this route"},
	},
	"a route that two scopes open": {
		"input": _request("GET", "/orders/7", "/orders/:id", ["admin"]),
		"decision": {"allow": true, "reason": "the scope opens this route"},
	},
	"none of the two": {
		"input": _request("GET", "/orders/7", "/orders/:id", ["other"]),
		"decision": {"allow": false, "reason": "the scope is missing", "scope": "orders"},
	},
	"a path that is spelled like a template": {
		"input": _request("GET", "/orders/:id", "/other", ["orders"]),
		"decision": {"allow": false, "reason": "no rule opens this route"},
	},
	"a route that no scope opens": {
		"input": _request("GET", "/closed", "/closed", ["read_sayhello"]),
		"decision": {"allow": false, "reason": "no rule opens this route"},
	},
}

test_decision[note] if {
	some note, case in _cases
	authz.decision == case.decision with input as case.input with data.demoapi.routes as _routes
}

test_allow_is_the_decision_without_its_reason[note] if {
	some note, case in _cases
	authz.allow == case.decision.allow with input as case.input with data.demoapi.routes as _routes
}

test_nothing_is_open_to_an_input_without_a_principal if {
	case := {"method": "GET", "api": "/sayhello", "route": "/sayhello"}
	authz.allow == false with input as case with data.demoapi.routes as _routes
	authz.decision.allow == false with input as case with data.demoapi.routes as _routes
}

test_nothing_is_open_without_an_input if {
	authz.allow == false with data.demoapi.routes as _routes
	authz.decision == {"allow": false, "reason": "no rule opens this route"} with data.demoapi.routes as _routes
}

test_nothing_is_open_without_data if {
	case := _request("GET", "/sayhello", "/sayhello", ["read_sayhello"])
	authz.allow == false with input as case with data.demoapi.routes as {}
}
