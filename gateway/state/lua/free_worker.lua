-- Free all slots of one worker. KEYS  the worker's slots, each as "request slots-key"
-- Returns how many were freed.
local freed = 0
for _, entry in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local request, slots = string.match(entry, '^(%S+) (.*)$')
  freed = freed + redis.call('ZREM', slots, request)
end
redis.call('DEL', KEYS[1])
return freed
