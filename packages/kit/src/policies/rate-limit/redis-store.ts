import type { Redis } from '../../platform/redis/redis.ts'
import { createScript } from '../../platform/redis/script.ts'
import { toDemands, toVerdict, type Findings, type RateLimitStore } from './rate-limit-store.ts'

/**
 * `ask` of gcra.ts for all buckets, and the taking, in one step and by the server's time. A number
 * that Lua turns into text by itself loses digits, so `%.0f` does it. A bucket that is full again
 * is a key that has expired. A refusal writes only what a clock that went back has left `ahead`.
 */
const TAKE = createScript(`
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local wait, ahead, before, after = 0, false, {}, {}
for i, key in ipairs(KEYS) do
  local cost, room, most = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local full = tonumber(redis.call('GET', key) or now)
  local debt = math.min(math.max(full - now, 0), most)
  before[i], after[i] = now + debt, now + debt + cost
  wait = math.max(wait, debt + cost - room)
  ahead = ahead or full > now + most
end
local result = wait > 0 and before or after
for i, key in ipairs(KEYS) do
  local left = result[i] - now
  if left > 0 and (wait == 0 or ahead) then
    local ttl = string.format('%.0f', math.ceil(left / 1000))
    redis.call('SET', key, string.format('%.0f', result[i]), 'PX', ttl)
  end
end
return {now, wait, unpack(result)}
`)

/** Buckets that all processes share. Rejects with `RedisUnavailableError` while Redis is away. */
export function createRedisStore(redis: Redis): RateLimitStore {
  return {
    async take(charges, nowMs) {
      const demands = toDemands(charges)
      const keys = demands.map(({ key }) => `limit:${key}`)
      const args = [
        nowMs === undefined ? '' : Math.floor(nowMs * 1_000),
        ...demands.flatMap(({ costUs, roomUs, mostUs }) => [costUs, roomUs, mostUs]),
      ]
      const reply = await redis.run((client) => TAKE.run(client, keys, args))
      return toVerdict(charges, toFindings(reply))
    },
  }
}

function toFindings(reply: unknown): Findings {
  if (!Array.isArray(reply)) throw new TypeError('The script of the rate limit answered no list.')
  const [nowUs = NaN, waitUs = NaN, ...fullAtUs] = reply.map(Number)
  return { nowUs, waitUs, fullAtUs }
}
