-- Give back what expired holds set aside; how many there were.
if stale() then return {'epoch'} end
return {'ok', tostring(sweep())}
