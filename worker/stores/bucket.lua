-- What scripts of a bucket share; it stands before each of them.
--
-- KEYS[1]    the meta hash: epoch and generation of the bucket, the server it is on and when it was last asked
-- KEYS[2..]  one hash per subject: experiment id -> value
-- A value is a mark, "+" (confirmed) or "-", and the record in msgpack:
--   { version, variation, revision, updated_at, assigned_at, event id }

local call, sub, byte = redis.call, string.sub, string.byte
local RECORD_AT = 2 -- behind the mark and the header of the record's array

-- Version and variation, and with a limit of 4 the revision and updated_at.
local function read(value, limit)
  return select(2, cmsgpack.unpack_limit(value, limit or 2, RECORD_AT))
end

local function is_confirmed(value)
  return byte(value) == byte("+")
end

local function runs_as(run_id)
  return string.find(call("INFO", "server"), "run_id:" .. run_id, 1, true)
end

-- The epoch; nil if the data is not whole: there is none, or it was written on another server (a restart from a snapshot,
-- a fail-over). What this server loses with a fail-over, or keeps in a snapshot, can be told by when it was last asked:
-- that is noted. Where memory is short this is refused, but then so is everything that would matter.
local function whole_epoch()
  local epoch, run_id = unpack(call("HMGET", KEYS[1], "epoch", "run_id"))
  if not epoch or not runs_as(run_id) then return nil end
  local seconds, microseconds = unpack(call("TIME"))
  redis.pcall("HSET", KEYS[1], "heartbeat", seconds .. string.format("%03d", math.floor(microseconds / 1000)))
  return epoch
end

-- Workers remember confirmed records whose variation is allocated. Where such a record changes nevertheless, which is
-- rare, a new generation makes all of them forget.
local function outdate_caches()
  call("HINCRBY", KEYS[1], "generation", 1)
end

local function confirm(key, id, version)
  local value = call("HGET", key, id)
  if not value then return end
  local mark = read(value) <= version and "+" or "-"
  if sub(value, 1, 1) ~= mark then
    call("HSET", key, id, mark .. sub(value, 2))
    if mark == "-" then outdate_caches() end
  end
end

local function confirm_all(confirms)
  for _, entry in ipairs(confirms) do
    confirm(KEYS[entry[1]], entry[2], entry[3])
  end
end

local function refresh(ttls)
  for i, ttl in ipairs(ttls) do
    call("PEXPIRE", KEYS[i + 1], ttl)
  end
end

-- The beginning of an answer: { epoch, generation, { so many, ... } } without what is in the array.
local function head_of(epoch, count)
  local head = "\147" .. cmsgpack.pack(epoch, call("HGET", KEYS[1], "generation") or nil)
  return head .. "\221" .. struct.pack(">I4", count)
end

