-- Let standing holds live `lifetime` seconds from now; never shorter than they would.
local lifetime, ids = arg(), args()
if stale() then return {'epoch'} end
next_seq()
local expires = now + tonumber(lifetime)
for _, id in ipairs(ids) do
  local found = redis.call('HMGET', key('req', id), 'state', 'expires')
  if found[1] == 'held' and tonumber(found[2]) > now and tonumber(found[2]) < expires then
    redis.call('HSET', key('req', id), 'expires', text(expires))
    redis.call('ZADD', key('holds'), text(expires), id)
  end
end
return ok()
