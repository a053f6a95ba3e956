-- For wrk: asks for the paths that $BENCH_PATHS lists, one after the other and round again, and prints what came of it
-- as one line of JSON. $BENCH_ACCEPT and $BENCH_AUTHORIZATION are headers.
local paths, last = {}, 0
for path in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = path end
local headers = { ["Accept"] = os.getenv("BENCH_ACCEPT"), ["Authorization"] = os.getenv("BENCH_AUTHORIZATION") }

function request()
  last = last % #paths + 1
  return wrk.format("GET", paths[last], headers)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"p50_ms":%.3f,"p99_ms":%.3f,"failed":%d,"closed":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.status + errors.timeout, errors.read + errors.write))
end
