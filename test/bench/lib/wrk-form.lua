-- Posts forms, the next line of a file as the body of each request.
-- Arguments: file, Authorization header ("-" for none).

local requests = {}

function init(args)
  local path, authorization = args[1], args[2]
  local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
  if authorization ~= "-" then headers["Authorization"] = authorization end
  for body in io.lines(path) do
    table.insert(requests, wrk.format("POST", nil, headers, body))
  end
end

local sent = 0

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"failed":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
