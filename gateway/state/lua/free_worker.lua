-- Free those of a key's slots that are one worker's. KEYS  the slots  ARGV  what the names of the worker's begin with
-- Returns how many were freed.
local freed = 0
for _, slot in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(slot, 1, #ARGV[1]) == ARGV[1] then
    freed = freed + redis.call('ZREM', KEYS[1], slot)
  end
end
return freed
