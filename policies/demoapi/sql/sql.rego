# METADATA
# title: Who may connect to which database, as whom
# description: |
#   data.demoapi.databases lists the users of each database by the name that a client connects with: the scopes and the
#   subjects that open it, and the role at the server where it has another name. What is not listed is closed.
package demoapi.sql

# METADATA
# title: Bare decision
# description: A boolean and nothing else, since an object would be true for whoever only asks whether it is.
# entrypoint: true
default allow := false

allow if {
	_listed
	count(_forbidden) == 0
}

# METADATA
# title: Decision with its reason
# description: The same decision, why it was made, and the role to log in with.
# entrypoint: true
default decision := {"allow": false, "reason": "no rule opens this database to this user"}

decision := {"allow": true, "reason": "the token opens this user", "role": _role} if allow

decision := {"allow": false, "reason": "the token does not open this user"} if {
	_user
	not _listed
}

decision := {"allow": false, "reason": reason} if {
	_listed
	count(_forbidden) > 0
	reason := concat("", ["settings that a session must not start with: ", concat(", ", _forbidden)])
}

# Undefined for a database or user that data does not know.
_user := data.demoapi.databases[input.database][input.user]

default _listed := false

_listed if {
	some scope in _user.scopes
	scope in input.principal.scopes
}

_listed if input.principal.sub in _user.subjects

_role := object.get(_user, "role", input.user)

# With these a session would not be what was decided: another role, other tables behind the same names, a copy of it all.
_forbidden := {"role", "session_authorization", "search_path", "replication"} & object.keys(input.options)
