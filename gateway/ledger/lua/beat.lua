-- A worker is alive. `enrol`: it begins, unless it was given up. Answers how long the outbox is, and every worker with its count of beats.
local owner, enrol = arg(), arg()
if stale() then return {'epoch'} end
local beats = redis.call('HGET', key('owners'), owner)
if beats == 'dead' or (not beats and enrol ~= '1') then return {'dead'} end
redis.call('HINCRBY', key('owners'), owner, 1)
local reply = {'ok', redis.call('GET', key('seq')) or '0', redis.call('GET', key('acked')) or '0'}
reply[#reply + 1] = tostring(redis.call('XLEN', key('outbox')))
for _, value in ipairs(redis.call('HGETALL', key('owners'))) do
  reply[#reply + 1] = value
end
return reply
