# The policy of the scale measurement: which scope opens which path is data, as many rows as wanted.
package bench.authz

default allow := false

allow if data.grants[input.api] in input.principal.scopes
