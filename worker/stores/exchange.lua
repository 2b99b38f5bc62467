-- Confirms, writes and reads records of a bucket of a Cluster; redis_bucket_claims.py decides what is written.
-- bucket.lua opens with the keys.
--
-- ARGV[1]    msgpack: { confirms, writes, reads, ttls }
--   confirm    { index of the key, experiment id, version }
--   write      { index of the key, experiment id, index of the expected record in ARGV or 0, of the new one, outdates }
--              written as unconfirmed if the expected record is there; outdates: it may be in caches
--   read       { index of the key, experiment id }
--   ttls       one per key from KEYS[2] on, in ms
-- ARGV[2..]  records in msgpack
--
-- Returns msgpack: { epoch, generation, { found, ... } } as it is read after the writes; { nil, nil, {} } and nothing is
-- done if the data is not whole
--   found      nil, or { is confirmed, record }

local confirms, writes, reads, ttls = unpack(cmsgpack.unpack(ARGV[1]))

local function write(key, id, expected, wanted, outdates)
  local stored = call("HGET", key, id)
  local is_expected
  if stored then
    is_expected = expected > 0 and sub(stored, 2) == ARGV[expected]
  else
    is_expected = expected == 0
  end
  if not is_expected then return end
  call("HSET", key, id, "-" .. ARGV[wanted])
  if outdates then outdate_caches() end
end

local function found_of(value)
  if not value then return "\192" end
  return (is_confirmed(value) and "\146\195" or "\146\194") .. sub(value, 2)
end

local epoch = whole_epoch()
if not epoch then return "\147\192\192\221\0\0\0\0" end
confirm_all(confirms)
for _, entry in ipairs(writes) do
  write(KEYS[entry[1]], unpack(entry, 2, 5))
end
local found = {}
for i, entry in ipairs(reads) do
  found[i] = found_of(call("HGET", KEYS[entry[1]], entry[2]))
end
refresh(ttls)
return head_of(epoch, #found) .. table.concat(found)
