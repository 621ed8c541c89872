import { readConfig } from '../config.ts'
import { openDirect } from '../db/direct.ts'
import { addRole, removeRole } from '../features/auth/queries.ts'
import { createLogger } from '../platform/logger.ts'
import { CliError } from './cli-error.ts'
import { provideDatabase } from './dev-database.ts'
import { orNotMigrated } from './not-migrated.ts'

const CHANGES = { promote: addRole, demote: removeRole }

const ROLE = /^[a-z][a-z0-9:_-]{0,63}$/

/**
 * \`tautline user promote | demote <email> <role>\`. Without DATABASE_URL: the development database.
 * A user gets and loses a role with their next access token, ten minutes later at most.
 */
export async function runUser([action, email, role, ...rest]: string[]): Promise<void> {
  if (action !== 'promote' && action !== 'demote') {
    throw new CliError('Say what to do: user promote <email> <role> or user demote <email> <role>.')
  }
  if (email === undefined || role === undefined || rest.length > 0) {
    throw new CliError(`Say who and what: tautline user ${action} anna@example.com admin`)
  }
  if (!ROLE.test(role)) {
    throw new CliError(`A role is a lower-case word like admin; ${JSON.stringify(role)} is none.`)
  }
  await using database = await provideDatabase()
  const config = await readConfig({ ...process.env, ...database.environment })
  await using direct = openDirect(config.database, createLogger('warn'))
  const roles = await orNotMigrated('accounts', CHANGES[action](direct.db, email, role))
  if (!roles) throw new CliError(`No account has the address ${email}.`)
  process.stdout.write(`${email} has ${roles.length > 0 ? roles.join(', ') : 'no roles'}\n`)
}
