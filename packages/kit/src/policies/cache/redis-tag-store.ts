import type { Redis } from '../../platform/redis/redis.ts'
import { createScript } from '../../platform/redis/script.ts'
import {
  joinVersions,
  type Mark,
  type TagSelection,
  type TagState,
  type TagStore,
} from './tag-store.ts'
import { createTicks } from './ticks.ts'

/** How long the version of a tag is kept when nobody changes it, in milliseconds; then it is a miss. */
const VERSION_TTL_MS = 24 * 60 * 60 * 1_000

const EPOCH = 'cache:epoch'
const versionKey = (tag: string) => `cache:version:${tag}`
const marksKey = (tag: string) => `cache:marks:${tag}`

/**
 * Versions for those tags that have none. Keys are the epoch, which lasts, then the versions, then
 * the marks. Marks are told anew, at the moment of the versions: one may have come since.
 */
const INTRODUCE = createScript(`
redis.call('SET', KEYS[1], ARGV[1], 'NX')
for i = 2, tonumber(ARGV[3]) do redis.call('SET', KEYS[i], ARGV[1], 'NX', 'PX', ARGV[2]) end
return redis.call('MGET', unpack(KEYS))`)

/**
 * Keys are a version and its marks, by turns. Marks are `id=end` by the server's time, so that one
 * whose owner died is dropped by the next writer, although others keep the key alive.
 */
const CHANGE = createScript(`
local token, ttl, id, markTtl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #KEYS, 2 do
  redis.call('SET', KEYS[i], token, 'PX', ttl)
  local kept, last = {}, 0
  local function keep(name, ends)
    table.insert(kept, name .. '=' .. string.format('%d', ends))
    last = math.max(last, ends)
  end
  for name, ends in string.gmatch(redis.call('GET', KEYS[i + 1]) or '', '([^=;]+)=(%d+)') do
    if name ~= id and tonumber(ends) > now then keep(name, tonumber(ends)) end
  end
  if markTtl > 0 then keep(id, now + markTtl) end
  if #kept > 0 then redis.call('SET', KEYS[i + 1], table.concat(kept, ';'), 'PX', last - now)
  else redis.call('DEL', KEYS[i + 1]) end
end`)

export interface RedisTagStore extends TagStore {
  /** Counts the connections so far: after another one, marks of before may be lost. */
  readonly connection: number
}

/**
 * The versions that all processes share. Reads of one tick are one MGET. Every connection to Redis
 * begins a new epoch before anything is read on it, since nobody knows what was missed: the server
 * may have come back with an old snapshot, or changes may have been made without it.
 *
 * Rejects with `RedisUnavailableError`; then the tags may or may not have been bumped.
 */
export function createRedisTagStore(redis: Redis): RedisTagStore {
  let connection = 0
  redis.onUp((client) => {
    connection++
    return client.set(EPOCH, crypto.randomUUID())
  })
  const ticks = createTicks((tags) => readAll(redis, tags))

  function change(tags: readonly string[], mark: Mark): Promise<void> {
    if (tags.length === 0) return Promise.resolve()
    const keys = tags.flatMap((tag) => [versionKey(tag), marksKey(tag)])
    const args = [crypto.randomUUID(), VERSION_TTL_MS, mark.id, mark.ttlMs]
    return redis.run(async (client) => void (await CHANGE.run(client, keys, args)))
  }

  async function bump(selection: TagSelection): Promise<void> {
    if (selection !== 'all') return change(selection, { id: '-', ttlMs: 0 })
    await redis.run((client) => client.set(EPOCH, crypto.randomUUID()))
  }

  return {
    get connection() {
      return connection
    },
    async read(tags): Promise<TagState> {
      const { epoch, versions, marked } = await ticks.read(tags)
      const version = joinVersions(
        epoch,
        tags.map((tag) => versions.get(tag) ?? ''),
      )
      return { version, marked: tags.some((tag) => marked.has(tag)) }
    },
    mark: change,
    clear: (tags, mark) => change(tags, { ...mark, ttlMs: 0 }),
    bump,
  }
}

/** What one MGET has told. */
interface Answer {
  readonly epoch: string
  readonly versions: ReadonlyMap<string, string>
  readonly marked: ReadonlySet<string>
}

async function readAll(redis: Redis, tags: readonly string[]): Promise<Answer> {
  const versions = 1 + tags.length
  const keys = [EPOCH, ...tags.map(versionKey), ...tags.map(marksKey)]
  const replies = await redis.run(async (client) => {
    const known: unknown = await client.mget(...keys)
    if (!toTexts(known).slice(0, versions).includes(undefined)) return toTexts(known)
    const args = [crypto.randomUUID(), VERSION_TTL_MS, versions]
    return toTexts(await INTRODUCE.run(client, keys, args))
  })
  return {
    epoch: replies[0] ?? '',
    versions: new Map(tags.map((tag, index) => [tag, replies[1 + index] ?? ''])),
    marked: new Set(tags.filter((_, index) => replies[versions + index] !== undefined)),
  }
}

function toTexts(reply: unknown): (string | undefined)[] {
  if (!Array.isArray(reply)) throw new TypeError('MGET has told no list.')
  return reply.map((text: unknown) => (typeof text === 'string' ? text : undefined))
}
