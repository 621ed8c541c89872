/** One piece of a fan-out. It stops when its signal aborts; who waits for it relies on that. */
export type Job<T> = (signal: AbortSignal) => Promise<T>

/** What became of one job where the failure of one is not the failure of all. */
export type Settled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

export interface FanOutOptions {
  /** Jobs at once at most. */
  readonly limit: number
  /** Aborts the jobs that run, and keeps the others from starting. */
  readonly signal?: AbortSignal
}

type Jobs = readonly Job<unknown>[]
type Values<J extends Jobs> = { -readonly [K in keyof J]: Awaited<ReturnType<J[K]>> }
type Outcomes<J extends Jobs> = { -readonly [K in keyof J]: Settled<Awaited<ReturnType<J[K]>>> }

/**
 * Runs jobs side by side, `limit` at once, and gives their results in their order.
 *
 * - `failFast`: the first failure aborts the others, and is thrown once all of them have stopped.
 *   So is the reason of `signal`.
 * - `settle`: never throws; each job is told apart. Those that an abort kept from starting have its
 *   reason as their error.
 */
export function fanOut<const J extends Jobs>(
  jobs: J,
  options: FanOutOptions & { readonly mode: 'failFast' },
): Promise<Values<J>>
export function fanOut<const J extends Jobs>(
  jobs: J,
  options: FanOutOptions & { readonly mode: 'settle' },
): Promise<Outcomes<J>>
export async function fanOut(
  jobs: Jobs,
  options: FanOutOptions & { readonly mode: 'failFast' | 'settle' },
): Promise<unknown> {
  const { mode, limit, signal } = options
  if (!(limit >= 1)) throw new RangeError('A fan-out needs a limit of at least 1.')
  const running = new Set<AbortController>()
  const outcomes: Settled<unknown>[] = []
  let stopped: { readonly ok: false; readonly error: unknown } | undefined

  function stop(error: unknown): void {
    stopped ??= { ok: false, error }
    for (const job of running) job.abort(error)
  }
  const abort = () => stop(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })

  const queue = jobs.entries()
  async function work(): Promise<void> {
    for (const [index, job] of queue) {
      const outcome = stopped ?? (await settle(job, running))
      outcomes[index] = outcome
      if (mode === 'failFast' && !outcome.ok) stop(outcome.error)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, jobs.length) }, work))
  signal?.removeEventListener('abort', abort)

  if (mode === 'settle') return outcomes
  if (stopped) throw stopped.error
  return outcomes.map((outcome) => (outcome.ok ? outcome.value : undefined))
}

async function settle(job: Job<unknown>, running: Set<AbortController>): Promise<Settled<unknown>> {
  const controller = new AbortController()
  running.add(controller)
  try {
    return { ok: true, value: await job(controller.signal) }
  } catch (error) {
    return { ok: false, error }
  } finally {
    running.delete(controller)
  }
}
