-- Sends each request with the next token of a file.
-- Arguments: file, index of the first token (from 1), index of the last; after the last comes the first again.

local requests = {}
local threads = {}
sent = 0

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local path, first, last = args[1], tonumber(args[2]), tonumber(args[3])
  local index = 0
  for token in io.lines(path) do
    index = index + 1
    if index > last then break end
    if index >= first then
      table.insert(requests, wrk.format(nil, nil, { Authorization = "Bearer " .. token }))
    end
  end
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local total = 0
  for _, thread in ipairs(threads) do total = total + thread:get("sent") end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"sent":%d,"failed":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), total, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
