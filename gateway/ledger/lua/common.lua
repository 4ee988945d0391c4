-- What every script here begins with. KEYS[1]: the name that all keys begin with, in one hash slot.
-- ARGV: epoch, the highest seq that the caller has seen, "now" or "" for the server's own clock, then the act's own.
-- Money is text all the way, because Lua's numbers are doubles: it is added by HINCRBY and compared by `exceeds`.
local base, epoch, known = KEYS[1], ARGV[1], tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local BILLION, SWEPT_AT_ONCE = 1000000000, 200
local MOST = '9000000000000000000'  -- what any account can count to

local position = 3
local function arg()
  position = position + 1
  return ARGV[position]
end

local function args()
  local values = {}
  for i = 1, tonumber(arg()) do
    values[i] = arg()
  end
  return values
end

local function key(kind, name)
  return name and (base .. ':' .. kind .. ':' .. name) or (base .. ':' .. kind)
end

local function text(number)
  return string.format('%.17g', number)
end

-- The name of this very process of Redis; a killed one may have forgotten what it had answered last.
local function run()
  local told = redis.pcall('INFO', 'server')
  return type(told) == 'string' and string.match(told, 'run_id:(%w+)') or ''
end

-- Redis was emptied, started again, or restored from a time before what the caller has seen. What it forgot cannot be
-- told from `seq` alone: others may have counted on, beyond all that the caller has seen, before it comes.
local function stale()
  return redis.call('GET', key('epoch')) ~= epoch or redis.call('GET', key('run')) ~= run()
    or tonumber(redis.call('GET', key('seq')) or '0') < known
end

-- Whether a look at SQL, which had booked up to `watermark`, and the outbox add up to what was ever spent: no event in
-- the outbox is booked already, and none was taken off it that was not booked then.
local function consistent(watermark)
  local oldest = redis.call('XRANGE', key('outbox'), '-', '+', 'COUNT', 1)[1]
  local next_event = oldest and tonumber(oldest[2][2]) or tonumber(redis.call('GET', key('seq')) or '0') + 1
  return watermark >= tonumber(redis.call('GET', key('acked')) or '0') and watermark < next_event
end

local function parts(amount)
  if string.sub(amount, 1, 1) == '-' then
    local high, low = parts(string.sub(amount, 2))
    return -high, -low
  end
  if #amount <= 9 then
    return 0, tonumber(amount)
  end
  return tonumber(string.sub(amount, 1, -10)), tonumber(string.sub(amount, -9))
end

-- Whether the sum of the amounts is more than `limit`, exactly.
local function exceeds(limit, ...)
  local high, low = parts('-' .. limit)
  for _, amount in ipairs({...}) do
    local more_high, more_low = parts(amount)
    high, low = high + more_high, low + more_low
  end
  local carry = math.floor(low / BILLION)
  high, low = high + carry, low - carry * BILLION
  return high > 0 or (high == 0 and low > 0)
end

-- The account as it stands now, moved into its current window; nil when it has to be read from SQL first.
local function account(scope)
  local name = key('acct', scope)
  local found = redis.call('HMGET', name, 'limit', 'spent', 'held', 'window', 'started', 'resets')
  if not found[2] then
    return nil
  end
  local it = {
    key = name, scope = scope, limit = found[1], spent = found[2], held = found[3], started = found[5], resets = found[6]
  }
  if found[4] ~= '' and tonumber(it.resets) <= now then
    local length, started = tonumber(found[4]), tonumber(it.started)
    started = started + math.max(0, math.floor((now - started) / length)) * length
    it.started, it.resets, it.spent = text(started), text(started + length), '0'
    redis.call('HSET', name, 'started', it.started, 'resets', it.resets, 'spent', it.spent)
  end
  return it
end

-- The accounts of the scopes, and those scopes that are not known here as an answer for the caller.
local function accounts(scopes)
  local known_here, seed = {}, {'seed'}
  for _, scope in ipairs(scopes) do
    local it = account(scope)
    if it then
      known_here[#known_here + 1] = it
    else
      seed[#seed + 1] = scope
    end
  end
  return known_here, #seed > 1 and seed or nil
end

local function add_balances(reply, scopes)
  for _, scope in ipairs(scopes) do
    local it = account(scope)
    if it then
      for _, value in ipairs({it.scope, it.limit, it.spent, it.held, it.resets}) do
        reply[#reply + 1] = value
      end
    end
  end
  return reply
end

local function ok(scopes)
  return add_balances({'ok', redis.call('GET', key('seq')) or '0', redis.call('GET', key('acked')) or '0'}, scopes or {})
end

local function limited(these)
  for _, it in ipairs(these) do
    if it.limit ~= '' then return true end
  end
  return false
end

-- Why `amounts` cannot be held beside what is, if so. Money that is gone comes before what other holds only lock.
local function refusal(these, total, ...)
  local busy
  for _, it in ipairs(these) do
    local limit = it.limit ~= '' and it.limit or MOST
    if exceeds(limit, it.spent, it.held, ...) then
      if exceeds(limit, it.spent, total) then
        return add_balances({'gone'}, {it.scope})
      end
      busy = busy or add_balances({'busy'}, {it.scope})
    end
  end
  return busy
end

local function scopes_of(request)
  local scopes = {}
  for i = 1, tonumber(redis.call('HGET', request, 'n') or '0') do
    scopes[i] = redis.call('HGET', request, 's' .. i)
  end
  return scopes
end

local function hold(these, amount)
  for _, it in ipairs(these) do
    redis.call('HINCRBY', it.key, 'held', amount)
  end
end

-- End a standing hold; one that has ended already stays as it is.
local function give_back(id, state)
  local request = key('req', id)
  local found = redis.call('HMGET', request, 'state', 'amount')
  redis.call('ZREM', key('holds'), id)
  if found[1] ~= 'held' then
    return
  end
  redis.call('HSET', request, 'state', state)
  local these = accounts(scopes_of(request))
  if found[2] ~= '0' then
    hold(these, '-' .. found[2])
  end
end

-- Give back what holds past their time set aside, a bounded number at once; how many that were.
local function sweep()
  local expired = redis.call('ZRANGEBYSCORE', key('holds'), '-inf', text(now), 'LIMIT', 0, SWEPT_AT_ONCE)
  for _, id in ipairs(expired) do
    give_back(id, 'expired')
  end
  return #expired
end

local function write_request(request, owner, id, record, scopes)
  local fields = {'record', record, 'owner', owner, 'created', text(now), 'n', #scopes, 'amount', '0', 'state', 'none'}
  for i, scope in ipairs(scopes) do
    fields[#fields + 1] = 's' .. i
    fields[#fields + 1] = scope
  end
  redis.call('HSET', request, unpack(fields))
  redis.call('SADD', key('open', owner), id)
end

-- Attempts as number, bound and intent, one after the other; those that are there already stay.
local function write_intents(request, intents)
  for i = 1, #intents, 3 do
    redis.call('HSETNX', request, 'b:' .. intents[i], intents[i + 1])
    redis.call('HSETNX', request, 'i:' .. intents[i], intents[i + 2])
  end
end

-- A hold that was created at one time and lives until another; what has expired does not stand. True when it stands.
local function stand(request, id, amount, created, expires)
  local stands = expires > now
  redis.call('HSET', request, 'state', stands and 'held' or 'expired', 'amount', amount,
    'created', text(created), 'expires', text(expires))
  if stands then
    redis.call('ZADD', key('holds'), text(expires), id)
  end
  return stands
end

-- Every act counts, so that a Redis of an earlier time is known by its number.
local function next_seq()
  return redis.call('INCR', key('seq'))
end
