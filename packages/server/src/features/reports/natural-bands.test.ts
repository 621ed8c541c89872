import { expect, test } from 'vitest'

import { naturalBands } from './natural-bands.ts'

const pointsOf = (values: number[], weights = values.map(() => 1)) => ({
  values: Float64Array.from(values),
  weights: Float64Array.from(weights),
})

/** The sum of squared distances from the means, as the definition has it. */
function spread(values: number[], starts: readonly number[]): number {
  return starts
    .map((start, index) => values.slice(start, starts[index + 1]))
    .map((band) => {
      const mean = band.reduce((sum, value) => sum + value, 0) / band.length
      return band.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    })
    .reduce((sum, part) => sum + part, 0)
}

/** All ways to part so many values into bands. */
function partings(size: number, bands: number, from = 0): number[][] {
  if (bands === 1) return [[from]]
  return Array.from({ length: size - from - bands + 1 }, (_, step) => from + step + 1).flatMap(
    (next) => partings(size, bands - 1, next).map((rest) => [from, ...rest]),
  )
}

test('values fall into the bands that they make by themselves', () => {
  expect(naturalBands(pointsOf([1, 2, 3, 50, 51, 900]), 3)).toEqual([0, 3, 5])
  expect(naturalBands(pointsOf([1, 2, 1e15, 1e15 + 1]), 2)).toEqual([0, 2])
})

test('no other parting is closer', () => {
  let seed = 7
  const next = () => (seed = (seed * 48_271) % 2_147_483_647)
  for (let round = 0; round < 30; round++) {
    const values = Array.from({ length: 9 }, () => next() % 1_000).toSorted((a, b) => a - b)
    const best = Math.min(...partings(9, 4).map((starts) => spread(values, starts)))
    expect(spread(values, naturalBands(pointsOf(values), 4))).toBeCloseTo(best)
  }
})

test('what there is more of weighs more', () => {
  expect(naturalBands(pointsOf([0, 4, 7], [100, 1, 1]), 2)).toEqual([0, 1])
  expect(naturalBands(pointsOf([0, 4, 7], [1, 1, 100]), 2)).toEqual([0, 2])
})

test('there are no more bands than values', () => {
  expect(naturalBands(pointsOf([5]), 6)).toEqual([0])
  expect(naturalBands(pointsOf([5, 6]), 6)).toEqual([0, 1])
})
