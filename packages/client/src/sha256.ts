/** SHA-256 of bytes that come in pieces (FIPS 180-4): the digest of Web Crypto takes all of them at once. */
export interface Sha256 {
  add(bytes: Uint8Array): void
  /** In hex. To be asked once, after the last piece. */
  digest(): string
}

const BLOCK_BYTES = 64

/** The first 32 bits of the fractional parts of roots of the first primes. */
const [START, CONSTANTS] = tables()

export function createSha256(): Sha256 {
  const state = new Uint32Array(START)
  const words = new Uint32Array(BLOCK_BYTES)
  const block = new Uint8Array(BLOCK_BYTES)
  let [filled, total] = [0, 0]

  function add(bytes: Uint8Array): void {
    total += bytes.length
    let from = 0
    if (filled > 0) {
      from = Math.min(BLOCK_BYTES - filled, bytes.length)
      block.set(bytes.subarray(0, from), filled)
      filled += from
      if (filled < BLOCK_BYTES) return
      mix(state, words, block)
    }
    for (; from + BLOCK_BYTES <= bytes.length; from += BLOCK_BYTES) {
      mix(state, words, bytes.subarray(from, from + BLOCK_BYTES))
    }
    filled = bytes.length - from
    block.set(bytes.subarray(from))
  }

  return {
    add,
    digest() {
      const bits = total * 8
      const zeros = (BLOCK_BYTES * 2 - 9 - (total % BLOCK_BYTES)) % BLOCK_BYTES
      const end = new Uint8Array(zeros + 9)
      end[0] = 0x80
      const view = new DataView(end.buffer)
      view.setUint32(zeros + 1, Math.floor(bits / 2 ** 32))
      view.setUint32(zeros + 5, bits % 2 ** 32)
      add(end)
      return [...state].map((word) => word.toString(16).padStart(8, '0')).join('')
    },
  }
}

function mix(state: Uint32Array, words: Uint32Array, block: Uint8Array): void {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  for (let i = 0; i < 16; i++) words[i] = view.getUint32(i * 4)
  for (let i = 16; i < 64; i++) {
    const [near, far] = [words[i - 2] ?? 0, words[i - 15] ?? 0]
    const s0 = turn(far, 7) ^ turn(far, 18) ^ (far >>> 3)
    const s1 = turn(near, 17) ^ turn(near, 19) ^ (near >>> 10)
    words[i] = (words[i - 16] ?? 0) + s0 + (words[i - 7] ?? 0) + s1
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let i = 0; i < 64; i++) {
    const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)
    const choice = (e & f) ^ (~e & g)
    const one = (h + s1 + choice + (CONSTANTS[i] ?? 0) + (words[i] ?? 0)) | 0
    const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + one) | 0
    d = c
    c = b
    b = a
    a = (one + two) | 0
  }
  const next = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < 8; i++) state[i] = (state[i] ?? 0) + (next[i] ?? 0)
}

function turn(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}

function tables(): readonly [Uint32Array, Uint32Array] {
  const primes: number[] = []
  for (let n = 2; primes.length < 64; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  }
  const fraction = (root: number) => Math.floor((root % 1) * 2 ** 32)
  return [
    Uint32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))),
    Uint32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
  ]
}
