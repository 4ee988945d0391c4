-- Write a request down and hold `amount` on all its scopes, or do neither. "" for amount: no hold, the scopes only pay.
-- `intents`: attempts that are written down with it, their bounds within the hold.
local owner, id, record, amount, lifetime, most_events = arg(), arg(), arg(), arg(), arg(), arg()
local scopes, intents = args(), args()
if stale() then return {'epoch'} end
local beats = redis.call('HGET', key('owners'), owner)
if not beats or beats == 'dead' then return {'dead'} end
if redis.call('XLEN', key('outbox')) >= tonumber(most_events) then return {'full'} end
if sweep() == SWEPT_AT_ONCE then return {'again'} end
local these, seed = accounts(scopes)
if seed then return seed end
if amount ~= '' then
  -- Redis lost what is held: nobody gets money until the workers have said what they hold.
  if limited(these) and redis.call('EXISTS', key('grace')) == 1 then return {'grace'} end
  local refused = refusal(these, amount, amount)
  if refused then return refused end
end
local request = key('req', id)
if redis.call('EXISTS', request, key('done', id)) > 0 then return {'conflict'} end
write_request(request, owner, id, record, scopes)
write_intents(request, intents)
next_seq()
if amount == '' then return ok() end
if stand(request, id, amount, now, now + tonumber(lifetime)) then hold(these, amount) end
return ok(scopes)
