-- Notes what happened to a lane, so that deaths of its process can be counted. The twin of memory_trials.py.
--
-- KEYS[1]  a hash: place -> msgpack of { offset, opens, alone_until, trying, deaths }
-- ARGV     opened place offset until; trying place offset; or closed place
--
-- Returns { alone_until, deaths }. Redis gives numbers of up to 2^53 to scripts as they are.

local DEATHS_BEFORE_TRIAL = 2
local what, place, offset, till = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local known = redis.call("HGET", KEYS[1], place)
local at, opens, alone_until, trying, deaths = -1, 0, 0, -1, 0
if known then at, opens, alone_until, trying, deaths = unpack(cmsgpack.unpack(known), 1, 5) end

if what == "opened" then
  if at ~= offset then at, opens, deaths = offset, 0, 0 end
  if trying == offset then deaths = deaths + 1 end
  if opens >= DEATHS_BEFORE_TRIAL and alone_until <= offset then alone_until = till end
  opens, trying = opens + 1, -1
elseif what == "trying" then
  trying = offset
else
  opens, trying = math.max(opens - 1, 0), -1
end

redis.call("HSET", KEYS[1], place, cmsgpack.pack({ at, opens, alone_until, trying, deaths }))
return { alone_until, deaths }
