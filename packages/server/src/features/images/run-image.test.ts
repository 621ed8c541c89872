import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import sharp from 'sharp'
import { describe, expect, test, vi } from 'vitest'

import { isFailure } from '@tautline/kit'

import { hostile, MARK, noise, polyglots } from './corpus.fixture.ts'
import { processesOf, residentMb } from './processes.fixture.ts'
import { runImage } from './run-image.ts'
import type { ImageOperation } from './schema.ts'

/** Of one image. */
const inTime = () => AbortSignal.timeout(60_000)

const maxMemoryBytes = 1_000_000_000

const make = (bytes: Buffer, operations: ImageOperation[]) =>
  runImage(
    {
      source: Readable.from([bytes]),
      bytes: bytes.length,
      operations,
      maxMemoryBytes,
      signal: inTime(),
    },
    async ({ info, bytes: made }) => ({ info, image: await buffer(made) }),
  )

test('an image stands as its camera was held, and keeps its kind', async () => {
  const lying = await noise(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  const { info, image } = await make(lying, [{ rotate: 180 }])
  expect(info).toEqual({ format: 'jpeg', width: 20, height: 40, size: image.length })
  expect((await sharp(image).metadata()).orientation).toBeUndefined()
})

test('an image can become each of the kinds', async () => {
  const bytes = await noise(30, 30).webp().toBuffer()
  const made = await Promise.all(
    (['png', 'jpeg', 'avif'] as const).map((format) => make(bytes, [{ convert: format }])),
  )
  const kinds = await Promise.all(made.map(async ({ image }) => sharp(image).metadata()))
  expect(kinds.map(({ format }) => format)).toEqual(['png', 'jpeg', 'heif'])
})

test('whatever else a file was is left behind', async () => {
  const made = await Promise.all(polyglots.map((bytes) => make(bytes, [{ rotate: 90 }])))
  expect(made.map(({ image }) => image.includes(MARK))).toEqual([false, false, false])
  expect(polyglots.map((bytes) => bytes.includes(MARK))).toEqual([true, true, true])
})

test('what is no image, or too large a one, is told for what it is', async () => {
  const told = await Promise.all(
    hostile.map(async ({ bytes }) => {
      const error: unknown = await make(bytes, [{ rotate: 90 }]).catch((caught: unknown) => caught)
      return isFailure(error) && error.reason
    }),
  )
  expect(told).toEqual(hostile.map((file) => file.told))
})

test('an image is all there, also for who takes it when its process has ended', async () => {
  const bytes = await noise(100, 100).png().toBuffer()
  const job = {
    bytes: bytes.length,
    operations: [{ rotate: 90 } as const],
    maxMemoryBytes,
    signal: inTime(),
  }
  const size = await runImage(
    { ...job, source: Readable.from([bytes]) },
    async ({ info, bytes: made }) => {
      await sleep(500)
      return (await buffer(made)).length - info.size
    },
  )
  expect(size).toBe(0)
})

test('an image whose bytes break off is not taken for a broken one', async () => {
  const bytes = await noise(300, 300).png().toBuffer()
  const source = Readable.from([bytes.subarray(0, 5_000)])
  const job = {
    source,
    bytes: bytes.length,
    operations: [{ rotate: 90 } as const],
    maxMemoryBytes,
    signal: inTime(),
  }
  const taken = runImage(job, async () => undefined)
  await expect(taken).rejects.toMatchObject({ reason: 'IMAGE_PROCESS_ENDED' })
})

/** A picture that takes minutes to write. */
const slow = () => noise(4_000, 4_000).png({ compressionLevel: 0 }).toBuffer()

test('a process that takes more memory than it may ends at once, in the middle of its work', async () => {
  const bytes = await slow()
  const job = { bytes: bytes.length, operations: [{ convert: 'avif' } as const], signal: inTime() }
  const taken = runImage(
    { ...job, source: Readable.from([bytes]), maxMemoryBytes: 400_000_000 },
    async () => undefined,
  )
  const error: unknown = await taken.catch((caught: unknown) => caught)
  expect(error).toMatchObject({ reason: 'IMAGE_PROCESS_ENDED' })
  expect(String(error instanceof Error && error.cause)).toContain('SIGKILL')
})

/** More than a pipe holds: no encoder makes chance small. */
async function large(signal: AbortSignal) {
  const [width, height, channels] = [1_000, 1_000, 3] as const
  const chance = sharp(randomBytes(width * height * channels), { raw: { width, height, channels } })
  const bytes = await chance.png().toBuffer()
  const operations = [{ rotate: 90 } as const]
  return { source: Readable.from([bytes]), bytes: bytes.length, operations, maxMemoryBytes, signal }
}

describe.runIf(process.platform === 'linux')('the process of an image', () => {
  test('leaves the one that has started it to the next image, whatever it was', async () => {
    const bytes = await noise(30, 20).png().toBuffer()
    await make(bytes, [{ rotate: 90 }])
    const launchers = await processesOf('image-launcher')
    const others = [bytes.subarray(0, 500), Buffer.from('no image'), Buffer.alloc(0), bytes]
    const told: unknown[] = []
    for (const image of others) {
      const outcome = await make(image, [{ rotate: 90 }]).catch((error: unknown) => error)
      expect(await processesOf('image-worker')).toEqual([])
      told.push(isFailure(outcome) ? outcome.reason : outcome)
    }
    const { info, image } = await make(bytes, [{ rotate: 90 }])
    expect(told).toEqual([
      'IMAGE_BROKEN',
      'IMAGE_NOT_SUPPORTED',
      'IMAGE_NOT_SUPPORTED',
      { info, image },
    ])
    // There is no other; one that nobody has needed for a minute may have ended.
    expect(launchers).toEqual(expect.arrayContaining(await processesOf('image-launcher')))
  })

  test('that ends while its image is taken leaves none', async () => {
    const taken = runImage(await large(inTime()), async ({ bytes }) => {
      let read = 0
      for await (const chunk of bytes) {
        if (read === 0)
          for (const pid of await processesOf('image-worker')) process.kill(pid, 'SIGKILL')
        read += chunk.length
      }
      return read
    })
    await expect(taken).rejects.toMatchObject({ reason: 'IMAGE_PROCESS_ENDED' })
  })

  test('is gone when its image was given up while it was taken', async () => {
    const giveUp = new AbortController()
    const taken = runImage(await large(giveUp.signal), async ({ bytes }) => {
      for await (const _ of bytes) {
        giveUp.abort(new Error('given up'))
        await vi.waitUntil(async () => (await processesOf('image-worker')).length === 0)
        await sleep(100) // so that the end of the other one has been heard of, too
        throw new Error('not kept')
      }
    })
    await expect(taken).rejects.toThrow('given up')
  })

  test('ends at once, in the middle of its work, when the server has gone', async () => {
    const bytes = await slow()
    const server = fork(new URL('./image-launcher.ts', import.meta.url), {
      stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
    })
    server.send({ operations: [{ convert: 'avif' }], bytes: bytes.length, maxMemoryBytes })
    server.stdin?.end(bytes)
    const image = await vi.waitUntil(
      async () => (await processesOf('image-worker', server.pid))[0],
      { timeout: 20_000, interval: 10 },
    )
    await expect.poll(() => residentMb(image), { timeout: 20_000 }).toBeGreaterThan(300)
    server.disconnect()
    await once(server, 'exit')
    await expect.poll(() => residentMb(image), { timeout: 20_000 }).toBe(0)
  })
})
