-- Hold again what a request held before Redis was mended; one whose time is over holds nothing.
local id = arg()
if stale() then return {'epoch'} end
local request = key('req', id)
local found = redis.call('HMGET', request, 'state', 'amount', 'expires')
if found[1] ~= 'lost' then return ok() end
local these, seed = accounts(scopes_of(request))
if seed then return seed end
next_seq()
if tonumber(found[3]) > now then
  redis.call('HSET', request, 'state', 'held')
  redis.call('ZADD', key('holds'), found[3], id)
  hold(these, found[2])
else
  redis.call('HSET', request, 'state', 'expired')
end
return ok()
