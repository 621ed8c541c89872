import {
  PostgresQueryCompiler,
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
} from 'kysely'

import type { Db } from '../db/database.ts'
import type { SqlSample, SqlSamples } from './sql-samples.ts'
import { formatSql } from './sql-text.ts'

/**
 * The SQL of each sample. Postgres runs every statement, and forgets what it did. Throws when a
 * sample fails, or runs no statement.
 */
export async function recordSql(db: Db, { given, samples }: SqlSamples): Promise<string> {
  const transaction = await db.startTransaction().execute()
  try {
    await given(transaction)
    const recorded: string[] = []
    for (const sample of samples) {
      const savepoint = await transaction.savepoint('sample').execute()
      recorded.push(await recordSample(savepoint, sample))
      await savepoint.rollbackToSavepoint('sample').execute()
    }
    return recorded.join('\n')
  } finally {
    await transaction.rollback().execute()
  }
}

async function recordSample(db: Db, { name, run }: SqlSample): Promise<string> {
  const recorder = new SqlRecorder()
  try {
    const made = run(db.withPlugin(recorder))
    await (isQuery(made) ? made.execute() : made)
  } catch (cause) {
    throw new Error(`The sample ${name} failed.`, { cause })
  }
  if (recorder.statements.length === 0) throw new Error(`The sample ${name} runs no statement.`)
  return `-- ${name}\n${recorder.statements.map((sql) => `${formatSql(sql)};\n`).join('')}`
}

/** What a function returns that leaves it to its caller how rows are read. */
function isQuery(value: unknown): value is { execute(): Promise<unknown> } {
  return typeof value === 'object' && value !== null && 'execute' in value
}

/** Notes what is sent through one `Db`. */
class SqlRecorder implements KyselyPlugin {
  readonly statements: string[] = []
  readonly #compiler = new PostgresQueryCompiler()

  transformQuery({ node, queryId }: PluginTransformQueryArgs) {
    this.statements.push(this.#compiler.compileQuery(node, queryId).sql)
    return node
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    return result
  }
}
