/**
 * Appends events, all or none: Redis runs a script as one change, and its file of changes has it whole or not at all.
 * KEYS: position, log, ids, items, totals, then the history of each event's user. ARGV: events of a history, events of the log, then by event:
 * field of its id, its user, its time, its tie key, the event, item and rating for histories, its item, the item's attributes
 * or "". Returns how many were new, and the position of the latest.
 */
export const appendScript = `
local position = tonumber(redis.call('GET', KEYS[1]) or '0')
local userEvents, logEvents = tonumber(ARGV[1]), tonumber(ARGV[2])
local added = 0
for e = 0, #KEYS - 6 do
  local at = 3 + e * 8
  if redis.call('SADD', KEYS[3], ARGV[at]) == 1 then
    position = position + 1
    added = added + 1
    local attributes = ARGV[at + 7]
    if attributes ~= '' then
      redis.call('HSET', KEYS[4], ARGV[at + 6], attributes)
    else
      attributes = redis.call('HGET', KEYS[4], ARGV[at + 6]) or ''
    end
    redis.call('XADD', KEYS[2], string.format('%.0f-0', position), 'event', ARGV[at + 4], 'item', attributes, 'id', ARGV[at])
    local history = KEYS[6 + e]
    redis.call('ZADD', history, ARGV[at + 2], ARGV[at + 3] .. '\\0' .. string.format('%016.0f', position) .. ARGV[at + 5])
    redis.call('HINCRBY', KEYS[5], ARGV[at + 1], 1)
    redis.call('ZREMRANGEBYRANK', history, 0, -userEvents - 1)
  end
end
if added > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', position))
  local over = redis.call('XLEN', KEYS[2]) - logEvents
  if over > 0 then
    for _, old in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', over)) do
      redis.call('SREM', KEYS[3], old[2][6])
    end
    redis.call('XTRIM', KEYS[2], 'MAXLEN', '=', logEvents)
  end
end
return {added, string.format('%.0f', position)}`;

/** Attaches a bundle. KEYS: position, bundles. ARGV: the bundle, the end of its log. Returns what was said first, and the position. */
export const attachScript = `
local position = redis.call('GET', KEYS[1]) or '0'
redis.call('HSETNX', KEYS[2], ARGV[1], position .. ' ' .. ARGV[2])
return redis.call('HGET', KEYS[2], ARGV[1]) .. ' ' .. position`;

/**
 * Puts a snapshot, whose parts are written, in place of an older one, and forgets those of all but a few bundles. KEYS: snapshots.
 * ARGV: the bundle, the position, where its parts are, how many bundles keep theirs. Returns which parts nobody needs any more.
 */
export const snapshotScript = `
local positionOf = function(known) return tonumber(string.match(known, '^%d+')) end
local partsOf = function(known) return string.match(known, ' (.*)$') end
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and positionOf(known) >= tonumber(ARGV[2]) then return {ARGV[3]} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
local unused = {}
if known then unused[1] = partsOf(known) end
local all = redis.call('HGETALL', KEYS[1])
local bundles = {}
for i = 1, #all, 2 do bundles[#bundles + 1] = {all[i], all[i + 1]} end
table.sort(bundles, function(a, b)
  local left, right = positionOf(a[2]), positionOf(b[2])
  if left == right then return a[1] < b[1] end
  return left > right
end)
for i = tonumber(ARGV[4]) + 1, #bundles do
  redis.call('HDEL', KEYS[1], bundles[i][1])
  unused[#unused + 1] = partsOf(bundles[i][2])
end
return unused`;
