-- End a request: charge its attempts, give its hold back and put the one event on the outbox. Once only.
-- `reported`: number and cost, one after the other. `void`: attempts that were written down and never sent.
-- `only_of`: nothing happens unless the request is this worker's.
-- What is not here (a cache hit, or what Redis lost) is made from `record`, `scopes` and `intents`; "": it is unknown.
local id, owner, only_of, tombstone, settlement = arg(), arg(), arg(), arg(), arg()
local reported, void, record, scopes, intents = args(), args(), arg(), args(), args()
if stale() then return {'epoch'} end
local request = key('req', id)
redis.call('HDEL', request, 'cost')  -- after a first write of this kind, all is taken even when the memory is used up
if redis.call('EXISTS', key('done', id)) == 1 then
  return {'done', redis.call('GET', key('seq')), redis.call('GET', key('acked')) or '0'}
end
if only_of ~= '' and redis.call('HGET', request, 'owner') ~= only_of then return {'moved'} end
if redis.call('EXISTS', request) == 1 then
  scopes = scopes_of(request)
elseif record == '' then
  return {'unknown'}
else
  write_request(request, owner, id, record, scopes)
end
write_intents(request, intents)

local event, charges, said = {}, {}, {}
for _, number in ipairs(void) do
  said[number] = true
end
for i = 1, #reported, 2 do
  if not said[reported[i]] then
    charges[#charges + 1] = reported[i + 1]
  end
  said[reported[i]] = true
end
local fields = redis.call('HGETALL', request)
local values = {}
for i = 1, #fields, 2 do
  values[fields[i]] = fields[i + 1]
end
for field, intent in pairs(values) do
  local number = string.match(field, '^i:(.*)$')
  if number and not said[number] then
    charges[#charges + 1] = values['b:' .. number]
    event[#event + 1] = 'u:' .. number
    event[#event + 1] = intent
  end
end

local costly = false
for _, charge in ipairs(charges) do
  costly = costly or charge ~= '0'
end
local these, seed = accounts(scopes)
if seed and costly then return seed end

for _, charge in ipairs(charges) do
  redis.call('HINCRBY', request, 'cost', charge)
end
local cost = redis.call('HGET', request, 'cost') or '0'
give_back(id, 'captured')
for _, it in ipairs(these) do
  event[#event + 1] = 'p:' .. it.scope
  event[#event + 1] = it.started
  if cost ~= '0' then
    redis.call('HINCRBY', it.key, 'spent', cost)
    redis.call('HINCRBY', key('unacked'), it.scope .. '@' .. it.started, cost)
  end
end
local seq = next_seq()
local late = values['state'] == 'expired' and '1' or '0'
local entry = redis.call('XADD', key('outbox'), '*', 'q', text(seq), 'g', id, 'b', text(now), 'l', late, 'c', cost,
  'r', values['record'], 's', settlement, unpack(event))
redis.call('SREM', key('open', values['owner']), id)
redis.call('DEL', request)
redis.call('SET', key('done', id), entry, 'EX', tombstone)
return ok(scopes)
