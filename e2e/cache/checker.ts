import { z } from 'zod'

import { pick } from '../faults/chance.ts'
import { add, ask, Counter } from './calls.ts'

const COUNTERS = 20
const WORKERS = 16

/** Of a hundred calls. */
const WRITES = 10

export interface Plan {
  readonly urls: readonly string[]
  /** The queries that read. */
  readonly reads: readonly string[]
  /** How many calls in all. */
  readonly calls: number
}

/** What an observer who knows nothing of caches has seen. */
export interface Verdict {
  reads: number
  writes: number
  /** Answers that came from what was kept. */
  hits: number
  /** Reads that missed a change which was acknowledged before they began. */
  stale: number
  /** How long ago that was, at the worst, in milliseconds. */
  longestMs: number
}

/** When the values of one counter were acknowledged, by value. */
type Acknowledged = Map<number, number>

/**
 * Reads and writes counters at random, on all processes. A counter only grows, so that a value that
 * is smaller than one which was acknowledged before the read began is a stale one.
 */
export async function readAndWrite({ urls, reads, calls }: Plan): Promise<Verdict> {
  const verdict: Verdict = { reads: 0, writes: 0, hits: 0, stale: 0, longestMs: 0 }
  const acknowledged = new Map<string, Acknowledged>(
    Array.from({ length: COUNTERS }, (_, index) => [`c${index}`, new Map()]),
  )
  const ids = [...acknowledged.keys()]
  let left = calls

  async function write(): Promise<void> {
    const id = pick(ids)
    const value = await add(pick(urls), id)
    acknowledged.get(id)?.set(value, performance.now())
    verdict.writes++
  }

  async function read(): Promise<void> {
    const path = pick(reads)
    const question = path === 'counter.all' ? {} : { input: { id: pick(ids) } }
    const beganAt = performance.now()
    const { data, cache, reason } = await ask(pick(urls), path, question)
    if (reason !== undefined) throw new Error(`${path} was refused: ${reason}`)
    verdict.reads++
    if (cache === 'hit') verdict.hits++
    const shown = z.array(Counter).parse(Array.isArray(data) ? data : [data])
    const lateMs = Math.max(...shown.map((one) => lateness(acknowledged.get(one.id), one, beganAt)))
    if (lateMs > 0) verdict.stale++
    verdict.longestMs = Math.max(verdict.longestMs, lateMs)
  }

  async function work(): Promise<void> {
    while (left-- > 0) await (Math.random() * 100 < WRITES ? write() : read())
  }

  // What is missing from a list would not be looked at.
  for (const id of ids) acknowledged.get(id)?.set(await add(pick(urls), id), performance.now())
  await Promise.all(Array.from({ length: WORKERS }, work))
  return verdict
}

/** The measured figures belong to the run, and so they are printed. */
export function report(what: string, { reads, writes, hits, stale, longestMs }: Verdict): void {
  const figures = `${reads} reads, ${writes} writes, ${hits} hits, ${stale} stale`
  console.log(`${what}: ${figures}, the longest ${longestMs.toFixed(1)} ms after the commit`)
}

/** For how long, when a read began, a greater value than it has told was acknowledged. */
function lateness(
  acknowledged: Acknowledged | undefined,
  { value }: z.infer<typeof Counter>,
  beganAt: number,
): number {
  let lateMs = 0
  for (const [other, at] of acknowledged ?? []) {
    if (other > value) lateMs = Math.max(lateMs, beganAt - at)
  }
  return lateMs
}
