-- The accounts of the scopes, in that order, expired holds and ended windows already taken off.
local scopes = args()
if stale() then return {'epoch'} end
if sweep() == SWEPT_AT_ONCE then return {'again'} end
local _, seed = accounts(scopes)
return seed or ok(scopes)
