-- Undo an opening of which the client was told that it failed: nothing of it was sent anywhere.
local id = arg()
if stale() then return {'epoch'} end
local request = key('req', id)
local owner = redis.call('HGET', request, 'owner')
if owner then
  next_seq()
  give_back(id, 'released')
  redis.call('SREM', key('open', owner), id)
  redis.call('DEL', request)
end
return ok()
