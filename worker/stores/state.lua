-- What a bucket says of itself.
--
-- KEYS[1]  the meta hash
--
-- Returns { epoch, run id of the server that it was written on, heartbeat, since when it is on that server, pepper's
-- fingerprint, run id of this server }, nil for what is not there.

local found = redis.call("HMGET", KEYS[1], "epoch", "run_id", "heartbeat", "since", "pepper")
found[6] = string.match(redis.call("INFO", "server"), "run_id:(%w+)")
return found
