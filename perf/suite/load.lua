-- For wrk: compares every body with the file named after "--" and ends with a line of JSON.

local threads = {}
local expected

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  expected = file:read("*a")
  file:close()
  wrong = 0 -- a global of the thread, which done() asks for
end

function response(_, _, body)
  if body ~= expected then
    wrong = wrong + 1
  end
end

function done(summary)
  local different = 0
  for _, thread in ipairs(threads) do
    different = different + thread:get("wrong")
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "bytes": %d, "microseconds": %d, "failures": {"connect": %d, ' ..
    '"read": %d, "write": %d, "status": %d, "timeout": %d, "body": %d}}\n',
    summary.requests, summary.bytes, summary.duration, errors.connect, errors.read, errors.write,
    errors.status, errors.timeout, different))
end
