import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Frames looked at: those of Kysely and of this library come before those that are looked for. */
const MAX_FRAMES = 50

/** Lines told: a query function, who calls it, and who calls that. */
const MAX_LINES = 3

/** Parts of this library that only pass on what others ask for. */
const PASSING = ['db', 'platform', 'policies', 'rpc'].map((folder) =>
  fileURLToPath(new URL(`../${folder}/`, import.meta.url)),
)

/** A frame in a file, by its path or its URL; Node's own are in none. */
const FRAME = /^\s*at (?:async )?(?:.*? \()?((?:file:|\/|[A-Za-z]:[\\/]).*):(\d+):(\d+)\)?$/

/**
 * The lines of code that asked for what runs now, as `path:line:column`, the innermost first: those
 * outside packages and outside what this library does in between, across `await`s too. Empty where
 * none is left on the stack. It takes a while, so it is for what should not happen.
 */
export function callingLines(): string[] {
  const lines = stackFrames().flatMap((frame) => {
    const [, place = '', line, column] = FRAME.exec(frame) ?? []
    const path = place.startsWith('file:') ? fileURLToPath(place) : place
    const isOthers = /[\\/]node_modules[\\/]/.test(path)
    if (path === '' || isOthers || PASSING.some((folder) => path.startsWith(folder))) return []
    return [`${relative(process.cwd(), path)}:${line}:${column}`]
  })
  return lines.slice(0, MAX_LINES)
}

function stackFrames(): string[] {
  const { stackTraceLimit } = Error
  const trace: { stack?: string } = {}
  Error.stackTraceLimit = MAX_FRAMES
  Error.captureStackTrace(trace, stackFrames)
  Error.stackTraceLimit = stackTraceLimit
  return (trace.stack ?? '').split('\n').slice(1)
}
