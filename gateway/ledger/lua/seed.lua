-- Take accounts over from SQL, where they were read all at once together with `watermark`, the seq booked there last.
-- Refused while an event lies in the outbox that SQL has booked already: it would count twice.
-- An account that is here already stays, unless `force`: then it is set, and what it holds stays.
local force, watermark = arg(), tonumber(arg())
local rows = args()  -- scope, limit, spent, window in seconds, started: "" where there is none
if stale() then return {'epoch'} end
if not consistent(watermark) then return {'later'} end
next_seq()
for i = 1, #rows, 5 do
  local scope, limit, spent, window, started = unpack(rows, i, i + 4)
  local name = key('acct', scope)
  local before = redis.call('HMGET', name, 'started', 'held')
  if force == '1' and before[1] or force ~= '1' and not before[1] then
    if started == '' then started = before[1] or text(now) end
    local resets = window ~= '' and text(tonumber(started) + tonumber(window)) or ''
    redis.call('HSET', name, 'limit', limit, 'spent', spent, 'held', before[2] or '0', 'window', window,
      'started', started, 'resets', resets)
    started = account(scope).started
    local waiting = {redis.call('HGET', key('unacked'), scope .. '@' .. started) or '0'}
    if before[1] and before[1] ~= started and (window == '' or tonumber(before[1]) >= tonumber(started)) then
      waiting[2] = redis.call('HGET', key('unacked'), scope .. '@' .. before[1]) or '0'
    end
    for _, cost in ipairs(waiting) do
      redis.call('HINCRBY', name, 'spent', cost)
    end
  end
end
return ok()
