import { z } from 'zod'

/** Items of one report at most. */
export const MAX_ITEMS = 500_000

/** Within what Postgres has a time for. */
const Moment = z.date().min(new Date('0001-01-01T00:00:00Z'))

const Wanted = z.strictObject({
  /** What the bands are bands of: the price of an item, or what its stock is worth. */
  kind: z.enum(['price', 'value']),
  /** Items made from then on, and before `to`. */
  from: Moment,
  to: Moment,
  /** Into how many; fewer come out where there are fewer different prices or values. */
  bands: z.int().min(2).max(12).default(6),
})

export const ComputeInput = Wanted.refine(({ from, to }) => from < to, {
  path: ['to'],
  message: 'It comes after `from`.',
})

export const ComputeTaskInput = Wanted.extend({
  /** Whose items. */
  owner: z.strictObject({ ownerId: z.string(), tenantId: z.string() }),
})

export const AcceptedReport = z.object({ taskId: z.string() })

const Band = z.object({
  /** The lowest and the highest there is in it, in the smallest unit of the currency. */
  fromMinor: z.bigint(),
  toMinor: z.bigint(),
  items: z.int(),
  /** In pieces, of all of them together. */
  quantity: z.bigint(),
  valueMinor: z.bigint(),
  /** Of the value of all, from 0 to 1. */
  share: z.number(),
})

const percentile = z.bigint().nullable()

export const Report = z.object({
  kind: z.enum(['price', 'value']),
  items: z.int(),
  quantity: z.bigint(),
  valueMinor: z.bigint(),
  /** So many of a hundred items have less than this, or as much. Null where there are no items. */
  percentiles: z.object({ p10: percentile, p50: percentile, p90: percentile, p99: percentile }),
  bands: z.array(Band),
})

export type ReportData = z.output<typeof Report>
export type ReportKind = ReportData['kind']
