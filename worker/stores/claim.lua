-- Confirms and claims a batch of a store in one bucket: one call, one round trip. The twin of memory.py, which says the
-- same in Python; bucket.lua opens with the keys.
--
-- ARGV[1]    msgpack: { experiments, asks, confirms, ttls }
--   experiment  { id, active, updated_at, revision, { allocated variation -> true } }
--   ask         { index of the experiment, drawn variation or nil, event id, event time, { index of the key, ... } }
--   confirm     { index of the key, experiment id, version }
--   ttls        one per key from KEYS[2] on, in ms
--
-- Returns msgpack: { epoch, generation, { answer, ... } }; { nil, nil, {} } and nothing is done if the data is not whole
--   answer      0 vacant, 1 withdrawn, 2 behind, or held: { position, unconfirmed, agreement, record }
--   position    of the identity that decided, from 0; unconfirmed: a bit per identity, the first the lowest
--   agreement   0 all identities hold this record, 1 some hold another one, 2 some hold another variation
--
-- Redis refuses a script's writes (OOM, READONLY) at the first one, so one that is refused has changed nothing. One that
-- fails for another reason may have written some of a batch: asked again, it answers the same.

local VACANT, WITHDRAWN, BEHIND = "\0", "\1", "\2"
local experiments, asks, confirms, ttls = unpack(cmsgpack.unpack(ARGV[1]))

-- "\148" is the header of an array of four; small numbers stand for themselves, and an event has four identities at most.
local function answer_held(position, unconfirmed, agreement, value)
  return string.char(148, position - 1, unconfirmed, agreement) .. sub(value, 2)
end

local function create(experiment, ask, version)
  local id, _, updated_at, revision = unpack(experiment, 1, 4)
  local _, drawn, event_id, assigned_at, keys = unpack(ask, 1, 5)
  local value = "-\150" .. cmsgpack.pack(version, drawn, revision, updated_at, assigned_at, event_id)
  for _, key in ipairs(keys) do
    call("HSET", KEYS[key], id, value)
  end
  return answer_held(1, 2 ^ #keys - 1, 0, value)
end

-- Keep the record; identities without one get a copy, those that differ keep theirs.
local function hold(id, keys, values, position, variation)
  local value, kept, unconfirmed, agreement = values[position], sub(values[position], 2), 0, 0
  for i, key in ipairs(keys) do
    if not values[i] then
      values[i] = "-" .. kept
      call("HSET", KEYS[key], id, values[i])
    end
    if values[i] ~= value and sub(values[i], 2) ~= kept then
      agreement = math.max(agreement, select(2, read(values[i])) == variation and 1 or 2)
    elseif not is_confirmed(values[i]) then
      unconfirmed = unconfirmed + 2 ^ (i - 1)
    end
  end
  return answer_held(position, unconfirmed, agreement, value)
end

-- Replace all of the event's records, unless that would go back to older definitions, or one of them was replaced before:
-- what that one holds counts for the others too.
local function replace(experiment, ask, values)
  local id, active, updated_at, _, allocated = unpack(experiment, 1, 5)
  if not active then return WITHDRAWN end
  local latest, newest, cached, kept = 0, nil, false, {}
  for i in ipairs(ask[5]) do
    if values[i] then
      local version, variation, _, theirs = read(values[i], 4)
      if updated_at and theirs and updated_at < theirs then return BEHIND end
      if version > latest then latest, newest = version, nil end
      if allocated[variation] then
        cached, kept[i] = true, values[i]
        if version == latest and version > 0 then newest = newest or i end
      end
    end
  end
  if newest then
    local _, variation = read(values[newest])
    return hold(id, ask[5], kept, newest, variation)
  end
  if not ask[2] then return WITHDRAWN end
  if cached then outdate_caches() end
  return create(experiment, ask, latest + 1)
end

local function claim(ask)
  local experiment, keys = experiments[ask[1]], ask[5]
  local values, position = {}, nil
  for i, key in ipairs(keys) do
    values[i] = call("HGET", KEYS[key], experiment[1])
    position = position or (values[i] and i)
  end
  if not position then return ask[2] and create(experiment, ask, 0) or VACANT end
  local _, variation = read(values[position])
  if experiment[5][variation] then return hold(experiment[1], keys, values, position, variation) end
  return replace(experiment, ask, values)
end

local epoch = whole_epoch()
if not epoch then return "\147\192\192\221\0\0\0\0" end
confirm_all(confirms)
local answers = {}
for i, ask in ipairs(asks) do
  answers[i] = claim(ask)
end
refresh(ttls)
return head_of(epoch, #answers) .. table.concat(answers)
