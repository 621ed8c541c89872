import { naturalBands, type Points } from './natural-bands.ts'
import type { ReportData, ReportKind } from './schema.ts'
import type { Stock } from './stock.ts'

/** Different measures that bands are sought among; of more than that, neighbours count as one. */
const MAX_POINTS = 4_000

export interface ReportJob {
  readonly kind: ReportKind
  readonly bands: number
  readonly stock: Stock
}

/** An item as bands see it. */
interface Measured {
  readonly measure: bigint
  readonly quantity: bigint
  readonly value: bigint
}

/** Makes a report; takes up to a few seconds of a processor. */
export function computeReport({ kind, bands, stock }: ReportJob): ReportData {
  const items = measured(kind, stock)
  const all = totalOf(items)
  const { points, begins } = pointsOf(items)
  const starts = items.length === 0 ? [] : naturalBands(points, bands)
  const firsts = starts.map((start) => begins[start] ?? 0)
  return {
    kind,
    ...all,
    percentiles: {
      p10: percentile(items, 10),
      p50: percentile(items, 50),
      p90: percentile(items, 90),
      p99: percentile(items, 99),
    },
    bands: firsts.map((first, index) => bandOf(items.slice(first, firsts[index + 1]), all)),
  }
}

/** All items with what is measured, in ascending order. */
function measured(kind: ReportKind, { prices, quantities }: Stock): Measured[] {
  const items = Array.from(prices, (price, at) => {
    const quantity = BigInt(quantities[at] ?? 0)
    const value = price * quantity
    return { measure: kind === 'price' ? price : value, quantity, value }
  })
  return items.sort((a, b) => (a.measure < b.measure ? -1 : a.measure > b.measure ? 1 : 0))
}

function totalOf(items: readonly Measured[]) {
  let [quantity, valueMinor] = [0n, 0n]
  for (const item of items) {
    quantity += item.quantity
    valueMinor += item.value
  }
  return { items: items.length, quantity, valueMinor }
}

/** By the nearest rank. */
function percentile(items: readonly Measured[], percent: number): bigint | null {
  return items[Math.ceil((items.length * percent) / 100) - 1]?.measure ?? null
}

/**
 * The different measures, and at which item each begins. Where there are too many, each stands for as
 * many items as the others, and no measure is parted.
 */
function pointsOf(items: readonly Measured[]): { points: Points; begins: readonly number[] } {
  const begins: number[] = []
  const apart = items.length / MAX_POINTS
  for (const [at, { measure }] of items.entries()) {
    const isNew = at === 0 || measure !== items[at - 1]?.measure
    if (isNew && at >= begins.length * apart) begins.push(at)
  }
  const groups = begins.map((first, index) => [first, begins[index + 1] ?? items.length] as const)
  const values = groups.map(([first, end]) => meanOf(items, first, end))
  const weights = groups.map(([first, end]) => end - first)
  return {
    points: { values: Float64Array.from(values), weights: Float64Array.from(weights) },
    begins,
  }
}

function meanOf(items: readonly Measured[], first: number, end: number): number {
  let sum = 0
  for (let at = first; at < end; at++) sum += Number(items[at]?.measure ?? 0n)
  return sum / (end - first)
}

function bandOf(
  items: readonly Measured[],
  all: { readonly valueMinor: bigint },
): ReportData['bands'][number] {
  const total = totalOf(items)
  return {
    ...total,
    fromMinor: items[0]?.measure ?? 0n,
    toMinor: items.at(-1)?.measure ?? 0n,
    share: all.valueMinor === 0n ? 0 : Number(total.valueMinor) / Number(all.valueMinor),
  }
}
