# METADATA
# title: What OPA's decision log leaves out
# description: The token is a credential, and a log is read by many.
# related_resources:
#   - ref: https://www.openpolicyagent.org/docs/management-decision-logs#masking-sensitive-data
package system.log

# METADATA
# title: Paths that are erased from a decision before it is logged
mask contains "/input/jwt/tokenValue"
