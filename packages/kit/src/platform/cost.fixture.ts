const ROUNDS = 5

export interface Effort {
  /** How often in each round. */
  readonly times: number
  /** How many at the same time. Default 1. */
  readonly atOnce?: number
}

/**
 * Prints what one run costs, in microseconds, as a JSON line for `bench/policies.ts`: the median of
 * a few rounds. `run` is given the number of the run.
 */
export async function measure(
  name: string,
  { times, atOnce = 1 }: Effort,
  run: (n: number) => Promise<unknown>,
): Promise<void> {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const startedAt = performance.now()
    for (let n = round * times; n < (round + 1) * times; n += atOnce) {
      if (atOnce === 1) await run(n)
      else await Promise.all(Array.from({ length: atOnce }, (_, k) => run(n + k)))
    }
    if (round > 0) rounds.push(((performance.now() - startedAt) * 1_000) / times) // the first warms up
  }
  const microseconds = rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]
  process.stdout.write(`${JSON.stringify({ name, atOnce, microseconds })}\n`)
}
