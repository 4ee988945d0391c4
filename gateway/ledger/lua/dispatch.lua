-- Write an attempt down, its request's hold raised first to `at_least`. A hold that has expired is taken again.
-- Answers the hold as it is then: its amount, its age and how long it still lives, in seconds.
local id, number, bound, intent, at_least = arg(), arg(), arg(), arg(), arg()
if stale() then return {'epoch'} end
local request = key('req', id)
if redis.call('EXISTS', request) == 0 then return {'closed'} end
if redis.call('HEXISTS', request, 'i:' .. number) == 1 then return {'conflict'} end
if redis.call('HGET', request, 'state') ~= 'none' then
  if sweep() == SWEPT_AT_ONCE then return {'again'} end
  local found = redis.call('HMGET', request, 'state', 'amount', 'created', 'expires')
  local amount, stands = found[2], found[1] == 'held'
  local total = exceeds(amount, at_least) and at_least or amount
  local less = stands and '-' .. amount or '0'
  if total ~= (stands and amount or '0') then
    local these, seed = accounts(scopes_of(request))
    if seed then return seed end
    local refused = refusal(these, total, total, less)
    if refused then return refused end
    if stands then
      redis.call('HSET', request, 'amount', total)
      hold(these, total)
      hold(these, less)
    elseif stand(request, id, total, now, now + tonumber(found[4]) - tonumber(found[3])) then
      hold(these, total)
    end
  end
end
write_intents(request, {number, bound, intent})
next_seq()
local reply, found = ok(), redis.call('HMGET', request, 'amount', 'created', 'expires')
for _, value in ipairs({found[1], text(now - tonumber(found[2])), text(tonumber(found[3] or '0') - now)}) do
  reply[#reply + 1] = value
end
return reply
