-- A worker is gone: from now on it opens nothing. With nothing of it left open it is forgotten. Answers what is open.
local owner = arg()
if stale() then return {'epoch'} end
local open = redis.call('SMEMBERS', key('open', owner))
if #open == 0 then
  redis.call('HDEL', key('owners'), owner)
elseif redis.call('HEXISTS', key('owners'), owner) == 1 then
  redis.call('HSET', key('owners'), owner, 'dead')
end
table.insert(open, 1, 'ok')
return open
