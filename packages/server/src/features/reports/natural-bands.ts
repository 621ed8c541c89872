/** Values that are told apart, in ascending order, and how many there are of each. */
export interface Points {
  readonly values: Float64Array
  readonly weights: Float64Array
}

/**
 * Parts ascending values into bands so that the values of a band are as close to each other as any
 * parting makes them: the sum of the squared distances from the means of the bands is the smallest there
 * is (W. D. Fisher, "On Grouping for Maximum Homogeneity", 1958). Returns where each band begins; fewer
 * bands where there are fewer values. Takes bands × values² steps, and always finds the same.
 */
export function naturalBands(points: Points, bands: number): number[] {
  const size = points.values.length
  const count = Math.min(bands, size)
  const spread = spreadOf(points)
  // The smallest sum for the values up to each, parted into so many bands.
  let best = Float64Array.from({ length: size }, (_, last) => spread(0, last))
  const begins: Int32Array[] = [new Int32Array(size)]
  for (let band = 1; band < count; band++) {
    const next = new Float64Array(size).fill(Infinity)
    const begin = new Int32Array(size)
    for (let last = band; last < size; last++) {
      for (let first = band; first <= last; first++) {
        const sum = (best[first - 1] ?? 0) + spread(first, last)
        if (sum < (next[last] ?? 0)) {
          next[last] = sum
          begin[last] = first
        }
      }
    }
    best = next
    begins.push(begin)
  }
  return trace(begins, size - 1)
}

/** From the last band back to the first. */
function trace(begins: readonly Int32Array[], end: number): number[] {
  const found: number[] = []
  let last = end
  for (const begin of begins.toReversed()) {
    const first = begin[last] ?? 0
    found.unshift(first)
    last = first - 1
  }
  return found
}

/** The sum of the squared distances from the mean, of the values from one to another. */
function spreadOf({ values, weights }: Points) {
  const size = values.length
  // Between 0 and 1, so that no digits are lost in sums of squares.
  const [lowest = 0, highest = 0] = [values[0], values[size - 1]]
  const range = highest - lowest || 1
  const [counts, sums, squares] = [0, 1, 2].map(() => new Float64Array(size + 1))
  if (!counts || !sums || !squares) throw new Error('unreachable')
  for (let at = 0; at < size; at++) {
    const [value, weight] = [((values[at] ?? 0) - lowest) / range, weights[at] ?? 0]
    counts[at + 1] = (counts[at] ?? 0) + weight
    sums[at + 1] = (sums[at] ?? 0) + weight * value
    squares[at + 1] = (squares[at] ?? 0) + weight * value * value
  }
  return (first: number, last: number): number => {
    const count = (counts[last + 1] ?? 0) - (counts[first] ?? 0)
    const sum = (sums[last + 1] ?? 0) - (sums[first] ?? 0)
    const square = (squares[last + 1] ?? 0) - (squares[first] ?? 0)
    return square - (sum * sum) / count
  }
}
