-- Keep a value in place of its name's former one; the least recently used go until entries and bytes are in bounds.
-- KEYS  the values' common prefix, sizes and ends by name, names by last use, the books
-- ARGV  now in microseconds ("": the server's clock), name, value, bytes, microseconds to live (0: only drop the former),
--       the most entries, the most bytes
local now, lives = tonumber(ARGV[1]), tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local function drop(name)
  local about = redis.call('HGET', KEYS[2], name)
  if about then redis.call('HINCRBY', KEYS[4], 'bytes', '-' .. string.match(about, '^%d+')) end
  redis.call('DEL', KEYS[1] .. name)
  redis.call('HDEL', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
end

drop(ARGV[2])
if lives <= 0 then return end
redis.call('SET', KEYS[1] .. ARGV[2], ARGV[3], 'PX', string.format('%.0f', math.max(1, lives / 1000)))
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4] .. ' ' .. string.format('%.0f', now + lives))
redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[4], 'turn', 1), ARGV[2])
local bytes = redis.call('HINCRBY', KEYS[4], 'bytes', ARGV[4])
while redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[6]) or bytes > tonumber(ARGV[7]) do
  drop(redis.call('ZRANGE', KEYS[3], 0, 0)[1])
  bytes = tonumber(redis.call('HGET', KEYS[4], 'bytes'))
end
