export { deriveFiles, type DerivedFile, type DeriveOptions } from './derived-files.ts'
export {
  startMortalPostgres,
  type MortalPostgres,
  type MortalPostgresOptions,
  type PostgresEnd,
} from './mortal-postgres.ts'
export { samplesOf, type SqlSamples } from './sql-samples.ts'
export {
  startTestServer,
  type TestCaller,
  type TestServer,
  type TestServerOptions,
} from './start-test-server.ts'
export { startTestRedis, type TestRedis, type TestRedisOptions } from './test-redis.ts'
export type { TableDrift } from './table-drift.ts'
