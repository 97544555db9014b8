-- Gives mails their slots, exactly, over all workers; nurture/domain/mail/rates.py says what a lane, a slot and an appointment are.
--
-- KEYS  the lanes. Each holds, packed, the permits given per bucket and when the next appointment is.
-- ARGV  JSON: now, horizon, unhurried (µs); lanes: width, span, most, burst, gap, life, pace of each key, and what went through it before
--       anything was kept of it; back: the lanes and the instant of permits that were not used; mails: for each mail the ways it can go, each a list of lanes by their number.
-- Answers four numbers for each mail: which way, the instant, until when the slot is good (0: it is an appointment), which lane.

local asked = cjson.decode(ARGV[1])
local lanes = {}
for number, shape in ipairs(asked.lanes) do
  local kept = redis.call('GET', KEYS[number])
  local granted, appointed = {}, 0
  if kept then
    granted, appointed = unpack(cmsgpack.unpack(kept))
  elseif shape[8] > 0 then
    granted[math.floor(asked.now / shape[1])] = shape[8]
  end
  lanes[number] = {
    width = shape[1], span = shape[2], most = shape[3], burst = shape[4], gap = shape[5], life = shape[6], pace = shape[7],
    granted = granted, appointed = appointed, full_until = math.floor(asked.now / shape[1]),
  }
end

-- The end of the last span of buckets that holds a bucket and is full already. How much room there is otherwise is remembered.
local function last_full_span(lane, bucket)
  if lane.known == bucket and lane.room > 0 then return nil end
  local granted, span, sum, full = lane.granted, lane.span, 0, nil
  for each = bucket - span + 1, bucket do sum = sum + (granted[each] or 0) end
  local fullest = sum
  if sum >= lane.most then full = bucket end
  for each = bucket + 1, bucket + span - 1 do
    sum = sum + (granted[each] or 0) - (granted[each - span] or 0)
    if sum > fullest then fullest = sum end
    if sum >= lane.most then full = each end
  end
  lane.known, lane.room = bucket, lane.most - fullest
  return full
end

-- The last bucket with permits near one, if mail would follow mail too fast there.
local function last_crowded(lane, bucket)
  local sum, last = 0, nil
  for each = bucket - lane.gap + 1, bucket + lane.gap - 1 do
    local permits = lane.granted[each] or 0
    if permits > 0 then sum, last = sum + permits, each end
  end
  if sum >= lane.burst then return last end
end

local function first_bucket(lane, bucket)
  local from_the_front = bucket <= lane.full_until
  if from_the_front then bucket = lane.full_until end
  while true do
    local crowded = last_crowded(lane, bucket)
    if crowded then
      bucket = crowded + lane.gap
    else
      local full = last_full_span(lane, bucket)
      if not full then break end
      bucket = full + 1  -- every bucket up to there lies in that span, too
    end
  end
  if from_the_front then lane.full_until = bucket end  -- nothing is given back in between
  return bucket
end

local function first_room(way)
  local moment, slowest, before = asked.now, way[1], nil
  while moment ~= before do
    before = moment
    for _, number in ipairs(way) do
      local lane = lanes[number]
      local begins = first_bucket(lane, math.floor(moment / lane.width)) * lane.width
      if begins > moment then moment, slowest = begins, number end
    end
  end
  return moment, slowest
end

local function grant(way, moment)
  local good_until = nil
  for _, number in ipairs(way) do
    local lane = lanes[number]
    local bucket = math.floor(moment / lane.width)
    lane.granted[bucket] = (lane.granted[bucket] or 0) + 1
    if lane.known == bucket then lane.room = lane.room - 1 else lane.known = nil end
    local ends = (bucket + lane.life) * lane.width
    if not good_until or ends < good_until then good_until = ends end
  end
  return good_until or moment + asked.unhurried
end

for _, permit in ipairs(asked.back) do
  for _, number in ipairs(permit[1]) do
    local lane = lanes[number]
    local bucket = math.floor(permit[2] / lane.width)
    if (lane.granted[bucket] or 0) > 0 then lane.granted[bucket] = lane.granted[bucket] - 1 end
  end
end

local answers = {}
local function answer(...)
  for _, number in ipairs({...}) do answers[#answers + 1] = number end
end

for _, ways in ipairs(asked.mails) do
  local granted, first, first_way, in_the_way = false, nil, nil, nil
  for number, way in ipairs(ways) do
    local moment, slowest = first_room(way)
    if moment <= asked.now + asked.horizon then
      answer(number, moment, grant(way, moment), 0)
      granted = true
      break
    end
    if not first or moment < first then first, first_way, in_the_way = moment, number, slowest end
  end
  if not granted then
    local lane = lanes[in_the_way]
    local appointed = math.max(first, lane.appointed)
    lane.appointed = appointed + lane.pace
    answer(first_way, appointed, 0, in_the_way)
  end
end

for number, lane in ipairs(lanes) do
  local oldest = math.floor(asked.now / lane.width) - 2 * lane.span  -- twice, for the clocks of workers differ a little
  for bucket, permits in pairs(lane.granted) do
    if bucket < oldest or permits == 0 then lane.granted[bucket] = nil end
  end
  local milliseconds = math.ceil((3 * lane.span * lane.width + asked.horizon) / 1000)
  redis.call('SET', KEYS[number], cmsgpack.pack({lane.granted, lane.appointed}), 'PX', milliseconds)
end
return answers
