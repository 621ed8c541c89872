import { parseArgs } from 'node:util'

import { ConfigError, describeEnvironment } from '../config.ts'
import { runDevServer } from './dev-server.ts'
import { runDev } from './dev.ts'
import { runMigrate } from './migrate.ts'
import { runStart } from './start.ts'

const HELP = `tautline <command> [--app src/app.ts]

  dev                 start everything for development, restart on edit
  start               serve the app with the configuration of the environment
  migrate up          bring the database up to date
  migrate status      say which migrations the database has had
  migrate new <name>  write an empty migration into the app's folder

The app file exports \`app\`, made by defineApp.

Environment:
${describeEnvironment()
  .map((line) => `  ${line}`)
  .join('\n')}

DATABASE_URL, DATABASE_DIRECT_URL and TAUTLINE_SECRET may also be given as the path of a file,
in a variable with _FILE behind its name.`

/** A mistake in how the command was called. */
class UsageError extends Error {}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      app: { type: 'string', default: 'src/app.ts' },
      help: { type: 'boolean', default: false },
    },
  })
  const [command, ...rest] = positionals
  if (values.help || command === undefined) return say(HELP)
  switch (command) {
    case 'dev':
      return runDev(values.app)
    case 'dev-server': // what dev runs, and runs again after an edit
      return runDevServer(values.app)
    case 'start':
      return runStart(values.app)
    case 'migrate':
      return runMigrate(values.app, rest)
    default:
      throw new UsageError(`There is no command ${command}; --help lists them.`)
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function isOurWording(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof UsageError
}

try {
  await main()
} catch (error) {
  const message =
    error instanceof Error ? (isOurWording(error) ? error.message : error.stack) : error
  process.stderr.write(`${String(message)}\n`)
  process.exitCode = 1
}
