import { describe, expect, test } from 'vitest'

import { createFrameReader, type Frame } from './subscription-frames.ts'

const text = [
  ': a remark\n',
  'event: connected\ndata: {"reconnectAfterInactivityMs":50}\n\n',
  'data: {"json":"ä 🦉"}\nid: 1\n\n\n',
  'event: ping\ndata: \n\n',
  'data:one\ndata: two\ndata\nid:2\nunknown: x\n\n',
  'id: 3\n\n',
  'data: \r\nid: \r\n\r\n',
  'event: return\rdata: \r\r',
  'retry: 250\n\n',
].join('')

const frames: Frame[] = [
  { event: 'connected', data: '{"reconnectAfterInactivityMs":50}', id: undefined },
  { event: 'message', data: '{"json":"ä 🦉"}', id: '1' },
  { event: 'ping', data: '', id: undefined },
  { event: 'message', data: 'one\ntwo\n', id: '2' },
  { event: 'message', data: '', id: undefined },
  { event: 'return', data: '', id: undefined },
]

/** What comes of bytes that arrive in these pieces. */
function readBytes(pieces: readonly Uint8Array[]) {
  const reader = createFrameReader()
  const decoder = new TextDecoder()
  const read = pieces.flatMap((piece) => reader.read(decoder.decode(piece, { stream: true })))
  return { read, retryMs: reader.retryMs }
}

const bytes = new TextEncoder().encode(text)

describe('frames', () => {
  test('are the same wherever their bytes are cut', () => {
    for (let at = 0; at <= bytes.length; at++) {
      const pieces = [bytes.slice(0, at), bytes.slice(at)]
      expect(readBytes(pieces), `cut at ${at}`).toEqual({ read: frames, retryMs: 250 })
    }
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte))
    expect(readBytes(single)).toEqual({ read: frames, retryMs: 250 })
  })

  test('that were not finished are none', () => {
    const event = 'data: {"json":1}\nid: 1\n\n'
    for (let at = 0; at < event.length; at++) {
      expect(createFrameReader().read(event.slice(0, at)), `cut at ${at}`).toEqual([])
    }
    expect(createFrameReader().read(event)).toHaveLength(1)
  })

  test('that are long cost no more than they are long', () => {
    const reader = createFrameReader()
    const piece = 'x'.repeat(1_000)
    reader.read('data: ')
    for (let n = 0; n < 15_000; n++) reader.read(piece)
    const [frame] = reader.read('\n\n')
    expect(frame?.data).toHaveLength(15_000_000)
  })

  test('that never end are refused', () => {
    const reader = createFrameReader()
    const piece = `data: ${'x'.repeat(1_000_000)}\n`
    expect(() => {
      for (let n = 0; n < 20; n++) reader.read(piece)
    }).toThrow(RangeError)
  })
})
