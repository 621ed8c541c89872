import { ADMIN_URL, startTestPostgres } from './test-postgres.ts'

/**
 * For vitest's `globalSetup`: one Postgres for the whole run, instead of one for each server that a
 * test starts.
 */
export default async function setup(): Promise<() => Promise<void>> {
  if (process.env[ADMIN_URL] !== undefined) return async () => {}
  const postgres = await startTestPostgres()
  process.env[ADMIN_URL] = postgres.adminUrl
  return async () => postgres[Symbol.asyncDispose]()
}
