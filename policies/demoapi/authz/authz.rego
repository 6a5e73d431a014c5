# METADATA
# title: Who may call which route
# description: |
#   The article's rule, driven by data: a request is allowed when the verified principal has one of the scopes that
#   data.demoapi.routes lists under the request's route and method. Adding a route means adding data, not Rego, and
#   costs nothing at a decision: routes are looked up, not searched.
# related_resources:
#   - ref: https://datatracker.ietf.org/doc/html/rfc6750#section-3
#     description: the scope of insufficient_scope
package demoapi.authz

# METADATA
# title: Bare decision
# description: A boolean and nothing else, since an object would be true for whoever only asks whether it is.
# entrypoint: true
default allow := false

allow if {
	some scope in _scopes
	scope in input.principal.scopes
}

# METADATA
# title: Decision with its reason
# description: The same decision, why it was made, and the scope that would have opened the route.
# entrypoint: true
default decision := {"allow": false, "reason": "no rule opens this route"}

decision := {"allow": true, "reason": "the scope opens this route"} if allow

decision := {"allow": false, "reason": "the scope is missing", "scope": _missing_scope} if {
	not allow
	_missing_scope
}

# The scopes that open the route; undefined for a route or method that data does not know.
_scopes := data.demoapi.routes[input.route][_method]

# RFC 9110 section 9.3.2: HEAD is GET without the content.
_method := "GET" if input.method == "HEAD"

_method := input.method if input.method != "HEAD"

# Several scopes may open one route; the first in data stands for them.
_missing_scope := _scopes[0]
