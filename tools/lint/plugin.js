import { disableWithReason } from './rules/disable-with-reason.js'
import { envInConfig } from './rules/env-in-config.js'
import { importLadder } from './rules/import-ladder.js'
import { noParallelOnTransaction } from './rules/no-parallel-on-transaction.js'
import { noSelectAll } from './rules/no-select-all.js'
import { noSqlRaw } from './rules/no-sql-raw.js'
import { noSyncCalls } from './rules/no-sync-calls.js'

/** The house rules that no ready-made rule covers. oxlint takes a plugin as a default export. */
export default {
  meta: { name: 'tautline' },
  rules: {
    'disable-with-reason': disableWithReason,
    'env-in-config': envInConfig,
    'import-ladder': importLadder,
    'no-parallel-on-transaction': noParallelOnTransaction,
    'no-select-all': noSelectAll,
    'no-sql-raw': noSqlRaw,
    'no-sync-calls': noSyncCalls,
  },
}
