import { findProgram } from './find-program.ts'

/** Where PgBouncer is, if it is on this machine. */
export const pgBouncerPath = findProgram('pgbouncer')

export const hasPgBouncer = pgBouncerPath !== undefined
