import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { crc32, deflate } from 'node:zlib'

/** A PNG of noise, which no encoder makes small or quickly. */
export async function noisePicture(side: number): Promise<Blob> {
  const row = side * 3 + 1
  const pixels = randomBytes(row * side)
  for (let line = 0; line < side; line++) pixels[line * row] = 0 // no filter
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([8, 2, 0, 0, 0], 8) // 8 bits of red, green and blue each
  const data = await promisify(deflate)(pixels)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  return new Blob([
    new Uint8Array(
      Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND')]),
    ),
  ])
}

function chunk(type: string, data = Buffer.alloc(0)): Buffer {
  const named = Buffer.concat([Buffer.from(type), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}
