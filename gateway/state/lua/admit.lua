-- Count one request in a sliding window and take a slot beside the running ones; or refuse, and take nothing.
-- KEYS  the window; and where there is a limit of slots: the slots, the worker's slots
-- ARGV  now ("": the server's clock), length of the window, requests in it ("": no limit), slots ("": no limit),
--       and then the request's id, how long its slot lasts at most. All times are whole microseconds.
-- Returns {"ok" | "rate" | "slots", requests in the window, time until the oldest of them leaves it}.
local now, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local rate, parallel = tonumber(ARGV[3]), tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local function whole(number) return string.format('%.0f', number) end
local function score(key, rank) return tonumber(redis.call('ZRANGE', key, rank, rank, 'WITHSCORES')[2]) end

local count, left = 0, window
if rate then
  local newest = score(KEYS[1], -1)
  if newest and newest > now then -- the server's clock was set back: by little, it stands still; by more, a new start
    if newest - now < window then now = newest else redis.call('DEL', KEYS[1]) end
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now - window))
  count = redis.call('ZCARD', KEYS[1])
  if count > 0 then left = score(KEYS[1], 0) + window - now end
  if count >= rate then return {'rate', count, left} end
end
if parallel then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', whole(now))
  if redis.call('ZCARD', KEYS[2]) >= parallel then return {'slots', count, left} end
  local lasts = tonumber(ARGV[6])
  redis.call('ZADD', KEYS[2], whole(now + lasts), ARGV[5])
  redis.call('SADD', KEYS[3], ARGV[5] .. ' ' .. KEYS[2])
  redis.call('PEXPIRE', KEYS[2], whole(lasts / 1000))
  redis.call('PEXPIRE', KEYS[3], whole(lasts / 1000))
end
if rate then
  redis.call('ZADD', KEYS[1], whole(now), whole(now) .. ':' .. count) -- at one time the count only grows
  redis.call('PEXPIRE', KEYS[1], whole(window / 1000))
  count = count + 1
end
return {'ok', count, left}
