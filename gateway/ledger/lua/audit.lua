-- What Redis says was spent, and how much of it SQL does not have yet, at the very moment of the caller's look at SQL.
local watermark, scopes = tonumber(arg()), args()
if stale() then return {'epoch'} end
if not consistent(watermark) then return {'later'} end
local reply = {'ok', redis.call('GET', key('seq')) or '0', redis.call('GET', key('acked')) or '0'}
for _, scope in ipairs(scopes) do
  local it = account(scope)
  if it then
    for _, value in ipairs({scope, it.started, it.spent, redis.call('HGET', key('unacked'), scope .. '@' .. it.started) or '0'}) do
      reply[#reply + 1] = value
    end
  end
end
return reply
