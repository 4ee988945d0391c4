-- A cached value, which is then the most recently used; one that is too old is dropped.
-- KEYS  the value, sizes and ends by name, names by last use, the books
-- ARGV  now in microseconds ("": the server's clock), name
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local about = redis.call('HGET', KEYS[2], ARGV[2])
if not about then return false end
local size, ends = string.match(about, '^(%d+) (%d+)$')
local value = tonumber(ends) > now and redis.call('GET', KEYS[1])
if value then
  redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[4], 'turn', 1), ARGV[2])
  return value
end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HINCRBY', KEYS[4], 'bytes', '-' .. size)
return false
