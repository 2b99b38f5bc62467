-- Erases subjects and makes every worker forget what it remembers, in one step.
--
-- KEYS[1]    the meta hash
-- KEYS[2..]  hashes of subjects
--
-- Returns how many records each of them had.

local found = {}
for i = 2, #KEYS do
  found[i - 1] = redis.call("HLEN", KEYS[i])
  redis.call("DEL", KEYS[i])
end
redis.call("HINCRBY", KEYS[1], "generation", 1)
return found
