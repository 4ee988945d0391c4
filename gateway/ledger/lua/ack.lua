-- Take events off the outbox that SQL has booked. A second time it changes nothing.
local entries = args()
if stale() then return {'epoch'} end
for _, entry in ipairs(entries) do
  local found = redis.call('XRANGE', key('outbox'), entry, entry)[1]
  if found then
    redis.call('XDEL', key('outbox'), entry)  -- first: the rest is taken then even when the memory is used up
    local cost, fields = '0', found[2]
    for i = 1, #fields, 2 do
      local scope = string.match(fields[i], '^p:(.*)$')
      if fields[i] == 'c' then
        cost = fields[i + 1]
      elseif scope and cost ~= '0' then
        local waiting = scope .. '@' .. fields[i + 1]
        redis.call('HINCRBY', key('unacked'), waiting, '-' .. cost)
        if redis.call('HGET', key('unacked'), waiting) == '0' then
          redis.call('HDEL', key('unacked'), waiting)
        end
      end
    end
    if tonumber(fields[2]) > tonumber(redis.call('GET', key('acked')) or '0') then
      redis.call('SET', key('acked'), fields[2])
    end
  end
end
return ok()
