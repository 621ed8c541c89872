/** A whole number from `least` to `most`, both included. */
export function between(least: number, most: number): number {
  return least + Math.floor(Math.random() * (most - least + 1))
}

export function pick<T>(all: readonly T[]): T {
  const one = all[between(0, all.length - 1)]
  if (one === undefined) throw new RangeError('There is nothing to pick from.')
  return one
}

/** The same in another order, each order as likely as any other. */
export function shuffled<T>(all: readonly T[]): T[] {
  const rest = [...all]
  return all.flatMap(() => rest.splice(between(0, rest.length - 1), 1))
}
