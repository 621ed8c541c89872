import { writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import sharp, { type Sharp, type SharpOptions } from 'sharp'

import { formats, MAX_AVIF_PIXELS, MAX_PIXELS } from './image-limits.ts'
import type { ImageAnswer, ImageInfo, ImageOrder } from './image-messages.ts'
import type { ImageOperation } from './schema.ts'

/*
 * A process for one image. What an image does to what reads it, it does here: it may take its memory,
 * crash it, or keep it busy, and the server lives. Nothing of the server is in its environment.
 */

/** Between two looks at the memory that it takes, in milliseconds. */
const LOOK_EVERY_MS = 20

type Format = ImageInfo['format']
type Made = Awaited<ReturnType<typeof make>>

/** Of an image that was refused. */
class Refusal extends Error {
  readonly why: Extract<ImageAnswer, { is: 'refused' }>['why']

  constructor(why: Refusal['why'], cause?: unknown) {
    super(why, { cause })
    this.why = why
  }
}

const READING: SharpOptions = {
  limitInputPixels: MAX_PIXELS,
  pages: 1, // an animation is its first picture
  failOn: 'error',
  sequentialRead: true,
}

/** At once: `process.exit` would wait for what libvips is at, and that may take minutes. */
const leave = () => process.kill(process.pid, 'SIGKILL')

// oxlint-disable-next-line typescript/consistent-type-assertions -- `run-image.ts` says it
const order = JSON.parse(process.argv[2] ?? '') as ImageOrder

process.on('disconnect', leave) // who started this is gone
if (!process.connected) leave()
guard()
watchMemory(order.maxMemoryBytes)
answer(order).then(() => {
  process.off('disconnect', leave)
  process.disconnect?.()
}, leave)

/** All that this process does, it does under this. */
function guard(): void {
  // Should the machine run out of memory, this process is the one to go. There is no such file elsewhere.
  writeFile('/proc/self/oom_score_adj', '1000').catch(() => {})
  sharp.concurrency(1)
  sharp.cache(false)
  // All that libvips reads, and then what people send: the others have had most of the holes.
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: ['Png', 'Jpeg', 'Webp', 'Heif'].map((kind) => `VipsForeignLoad${kind}Buffer`),
  })
}

function watchMemory(maxBytes: number): void {
  setInterval(() => {
    if (process.memoryUsage.rss() > maxBytes) leave()
  }, LOOK_EVERY_MS).unref()
}

async function answer({ operations, bytes }: ImageOrder): Promise<void> {
  const input = await read(bytes)
  if (input.length !== bytes) return void leave() // whoever sends it knows why
  let made: Made
  try {
    made = await make(input, operations)
  } catch (error) {
    return say({ is: 'refused', why: reasonOf(error) })
  }
  await say({ is: 'made', info: made.info })
  // Not ended: the next image is written to the same.
  await pipeline([made.data], process.stdout, { end: false })
}

/** No more than that: its input does not end with the image. */
async function read(bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  if (bytes === 0) return Buffer.alloc(0)
  let left = bytes
  const input: AsyncIterable<Buffer> = process.stdin
  for await (const chunk of input) {
    chunks.push(chunk)
    left -= chunk.length
    if (left <= 0) break
  }
  return Buffer.concat(chunks)
}

function say(message: ImageAnswer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error ? reject(error) : resolve()))
  })
}

async function make(input: Buffer, operations: readonly ImageOperation[]) {
  let format = await formatOf(input)
  let image = await inMemory(sharp(input, READING).autoOrient())
  for (const operation of operations) {
    if ('convert' in operation) format = operation.convert
    else image = await inMemory(apply(image, operation))
  }
  const { width, height } = await image.metadata()
  if (format === 'avif' && width * height > MAX_AVIF_PIXELS) throw new Refusal('too large')
  const { data, info } = await encode(image, format).toBuffer({ resolveWithObject: true })
  return { data, info: { format, width: info.width, height: info.height, size: info.size } }
}

/** What it is by its bytes; what else they can be read as does not count. */
async function formatOf(input: Buffer): Promise<Format> {
  const { format, compression, width, height } = await sharp(input, READING).metadata()
  if (width * height > MAX_PIXELS) throw new Refusal('too large')
  if (format === 'heif' && compression === 'av1') return 'avif'
  const known = formats.find((name) => name === format)
  if (!known) throw new Refusal('not supported')
  return known
}

/**
 * The pixels, so that each operation works on what the one before has made; libvips would put them in an
 * order of its own. Whatever else there was in the file stays behind.
 */
async function inMemory(image: Sharp): Promise<Sharp> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: MAX_PIXELS })
}

function apply(image: Sharp, operation: Exclude<ImageOperation, { convert: unknown }>): Sharp {
  return 'rotate' in operation ? image.rotate(operation.rotate) : image.resize(operation.resize)
}

function encode(image: Sharp, format: Format): Sharp {
  // The default takes four times as long, and saves a twentieth.
  return format === 'avif' ? image.avif({ effort: 2 }) : image.toFormat(format)
}

/** Whatever libvips cannot read is broken, but for what it says of the limit and of the kind. */
function reasonOf(error: unknown): Refusal['why'] {
  if (error instanceof Refusal) return error.why
  const text = String(error)
  if (/pixel limit|too large/i.test(text)) return 'too large'
  return /unsupported image format|is empty/i.test(text) ? 'not supported' : 'broken'
}
