import { parseArgs } from 'node:util'

import { ConfigError, describeEnvironment } from '../config.ts'
import { CliError } from './cli-error.ts'

const HELP = `tautline <command> [--app src/app.ts]

  dev                 start everything for development, restart on edit
  start               serve the app with the configuration of the environment
  worker              run the tasks of the app, and serve nobody
  migrate up          bring the database up to date
  migrate status      say which migrations the database has had
  migrate new <name>  write an empty migration into the app's folder
  db check            say how the database differs from the schema that the migrations make, as it
                      is in schema.sql beside them or in a file named behind it; then exits with 1
  db dump             print the schema of the database as SQL, for such a file
  db types            print the types of the tables of the database, for interface Database
  tasks list [--state dead]
                      print tasks of anybody, 100 at most: whose, how far, and why they failed
  tasks retry <id>, tasks cancel <id>
                      give a task that failed all its tries again, or end one, whosever it is
  config              print every setting, its value and where it comes from
  policies            print what every procedure declares, as a table in Markdown
  user promote <email> <role>, user demote <email> <role>
                      give a user a role, or take it; it counts within ten minutes

The app file exports \`app\`, made by defineApp.

Environment:
${describeEnvironment()
  .map((line) => `  ${line}`)
  .join('\n')}

DATABASE_URL, DATABASE_DIRECT_URL, REDIS_URL, TAUTLINE_SECRET and TAUTLINE_SECRET_PREVIOUS may also be
given as the path of a file, in a variable with _FILE behind its name, and so may the settings of an
app's own, which \`tautline config\` lists with the rest.`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      app: { type: 'string', default: 'src/app.ts' },
      state: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const [command, ...rest] = positionals
  if (values.help || command === undefined) return say(HELP)
  // Loaded when needed: the supervisor of `dev` runs no server, and starts in half the time.
  switch (command) {
    case 'dev':
      return (await import('./dev.ts')).runDev(values.app)
    case 'dev-server': // what dev runs, and runs again after an edit
      return (await import('./dev-server.ts')).runDevServer(values.app)
    case 'start':
      return (await import('./start.ts')).runStart(values.app)
    case 'worker':
      return (await import('./worker.ts')).runWorker(values.app)
    case 'migrate':
      return (await import('./migrate.ts')).runMigrate(values.app, rest)
    case 'db':
      return (await import('./db.ts')).runDb(values.app, rest)
    case 'tasks':
      return (await import('./tasks.ts')).runTasks(values.app, rest, values.state)
    case 'config':
      return (await import('./config.ts')).runConfig(values.app)
    case 'policies':
      return (await import('./policies.ts')).runPolicies(values.app)
    case 'user':
      return (await import('./user.ts')).runUser(rest)
    default:
      throw new CliError(`There is no command ${command}; --help lists them.`)
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function isOurWording(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof CliError
}

try {
  await main()
} catch (error) {
  const message =
    error instanceof Error ? (isOurWording(error) ? error.message : error.stack) : error
  // Whatever the app has left open must not keep a failed process alive.
  process.stderr.write(`${String(message)}\n`, () => process.exit(1))
}
