-- One step of a bucket's rebuild, by the one who holds its lock. bucket.lua stands before it.
--
-- KEYS[1]    the meta hash
-- KEYS[2]    the lock: its holder's token
-- KEYS[3..]  hashes of subjects
-- ARGV[1]    the token
-- ARGV[2]    the run id of the server that the rebuild began on
-- ARGV[3]    for how many ms the lock is held from now on
-- ARGV[4]    the step, with what it needs in msgpack in ARGV[5]:
--   keep     nothing
--   write    { entries, ttls }: entry { index of the key, experiment id, version, index of the value in ARGV or nil };
--            ttls of KEYS[3..] in ms, 0 for one that stays as it is
--   erase    nothing: the subjects are deleted
--   finish   { epoch, fingerprint of the pepper }: the bucket is whole from now on, the lock is given back
--   release  nothing: the lock is given back
--
-- Returns how many records it changed; -1, and nothing is done, for one who does not hold the lock any more, or not on
-- this server: a flush takes the lock with everything else, and a snapshot may bring back an old one.

local meta, lock = KEYS[1], KEYS[2]
local token, server, held_ms, step = unpack(ARGV, 1, 4)

if call("GET", lock) ~= token or not runs_as(server) then return -1 end
call("PEXPIRE", lock, held_ms)

-- The highest version of a record wins; of equal ones the later, which is how they come.
local function write(entry)
  local place, id, version, value_at = unpack(entry, 1, 4)
  local key, value = KEYS[place], value_at and ARGV[value_at]
  if not value then return call("HDEL", key, id) end
  local stored = call("HGET", key, id)
  if stored == value or (stored and read(stored) > version) then return 0 end
  call("HSET", key, id, value)
  return 1
end

local steps = {}

function steps.keep()
  return 0
end

function steps.write()
  local entries, ttls = unpack(cmsgpack.unpack(ARGV[5]))
  local changed = 0
  for _, entry in ipairs(entries) do
    changed = changed + write(entry)
  end
  for i, ttl in ipairs(ttls) do
    if ttl > 0 then call("PEXPIRE", KEYS[i + 2], ttl) end
  end
  return changed
end

function steps.erase()
  local changed = 0
  for i = 3, #KEYS do
    changed = changed + call("HLEN", KEYS[i])
    call("DEL", KEYS[i])
  end
  return changed
end

function steps.finish()
  local epoch, pepper = unpack(cmsgpack.unpack(ARGV[5]))
  local now = call("TIME")[1] .. "000"
  call("HSET", meta, "epoch", epoch, "run_id", server, "pepper", pepper, "heartbeat", now, "since", now)
  call("DEL", lock)
  return 0
end

function steps.release()
  call("DEL", lock)
  return 0
end

return steps[step]()
