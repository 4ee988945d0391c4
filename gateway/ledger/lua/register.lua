-- Bring back a running request that Redis lost, or knows as it was earlier, or that changed its owner.
-- Forced: money that is held stays held.
-- "" for amount: it holds nothing.
local owner, id, record, amount, age, lifetime = arg(), arg(), arg(), arg(), arg(), arg()
local scopes, intents = args(), args()
if stale() then return {'epoch'} end
if redis.call('EXISTS', key('done', id)) == 1 then return {'done'} end
local these, seed = accounts(scopes)
if seed then return seed end
local request = key('req', id)
local before = redis.call('HMGET', request, 'owner', 'state')
if not before[1] then
  write_request(request, owner, id, record, scopes)
elseif before[1] ~= owner then
  redis.call('SREM', key('open', before[1]), id)
  redis.call('SADD', key('open', owner), id)
  redis.call('HSET', request, 'owner', owner)
end
write_intents(request, intents)
next_seq()
if amount ~= '' then
  give_back(id, 'lost')  -- what its worker says counts, not what an earlier Redis held for it
  if stand(request, id, amount, now - tonumber(age), now + tonumber(lifetime)) then hold(these, amount) end
end
return ok()
