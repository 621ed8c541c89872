import { crc32 } from 'node:zlib'

import sharp, { type Sharp } from 'sharp'

/** Stands in files beside their picture. */
export const MARK = '<script>alert("marked")</script>'

/** A picture that no encoder makes small. */
export function noise(width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3)
  for (let at = 0; at < pixels.length; at++) pixels[at] = (at * 2_654_435_761) >>> 11
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

const picture = noise(60, 40)
const png = await picture.clone().png().toBuffer()
const jpeg = await picture.clone().jpeg().toBuffer()

/** A PNG that says of itself to be of another size. */
function claiming(width: number, height: number): Buffer {
  const lying = Buffer.from(png)
  lying.writeUInt32BE(width, 16)
  lying.writeUInt32BE(height, 20)
  lying.writeUInt32BE(crc32(lying.subarray(12, 29)), 29)
  return lying
}

const marked = Buffer.from(MARK)
const svgOf = (side: number) =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">${MARK}</svg>`,
  )

/** Files that somebody may send for a picture, and what they are taken for. */
export const hostile: readonly { what: string; bytes: Buffer; told: string }[] = [
  { what: 'a bomb of pixels', bytes: claiming(60_000, 60_000), told: 'IMAGE_TOO_LARGE' },
  { what: 'one pixel too many', bytes: claiming(25_000_001, 1), told: 'IMAGE_TOO_LARGE' },
  { what: 'a JPEG cut off', bytes: jpeg.subarray(0, jpeg.length / 2), told: 'IMAGE_BROKEN' },
  { what: 'a PNG cut off', bytes: png.subarray(0, png.length / 2), told: 'IMAGE_BROKEN' },
  { what: 'an SVG', bytes: svgOf(9), told: 'IMAGE_NOT_SUPPORTED' },
  { what: 'nothing', bytes: Buffer.alloc(0), told: 'IMAGE_NOT_SUPPORTED' },
  // Who reads it at all would find it too large.
  { what: 'a large SVG', bytes: svgOf(60_000), told: 'IMAGE_NOT_SUPPORTED' },
  { what: 'a GIF', bytes: await picture.clone().gif().toBuffer(), told: 'IMAGE_NOT_SUPPORTED' },
  { what: 'a TIFF', bytes: await picture.clone().tiff().toBuffer(), told: 'IMAGE_NOT_SUPPORTED' },
  { what: 'text', bytes: marked, told: 'IMAGE_NOT_SUPPORTED' },
  {
    what: 'a beginning of a PNG, and then none',
    bytes: Buffer.concat([png.subarray(0, 33), marked]),
    told: 'IMAGE_BROKEN',
  },
]

/** Pictures that are something else besides. */
export const polyglots: readonly Buffer[] = [
  Buffer.concat([png, marked]),
  Buffer.concat([jpeg, marked]),
  await picture
    .clone()
    .withExif({ IFD0: { ImageDescription: MARK } })
    .jpeg()
    .toBuffer(),
]
