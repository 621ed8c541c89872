import { z } from 'zod'

/** Largest number of an event: that of a Postgres integer. */
export const MAX_SEQ = 2 ** 31 - 1

export const EventSeq = z.int().min(0).max(MAX_SEQ)

/** The same as the id under which a stream has sent the event: what comes after it is wanted. */
export const LastEventSeq = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,9})$/)
  .transform(Number)
  .pipe(EventSeq)
