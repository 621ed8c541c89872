/**
 * The import rule, as data: who may import whom. Imports run down, never up and never sideways.
 * `import-ladder` and `env-in-config` read this page and nothing else; to change the rule, change it here.
 *
 * Patterns: `*` is any run of characters inside one name, `**` is everything below.
 */

/** What counts as a test: it follows the ladder like the file beside it, and may use `forTests` too. */
export const testFiles = ['**/*.test.ts', '**/*.test-d.ts', '**/*.fixture.ts']

/**
 * Rungs are listed top to bottom. Rungs that share one line are siblings and may not import each other.
 * - `apart`: the folders in this rung do not import each other; what two need moves down.
 * - `typesOnly`: holds types; it is imported, and imports, with `import type`.
 * - `takesTypes`: imports the rungs below it with `import type`; `typeReaders`: rungs below that may
 *   import its types all the same.
 * - `onlyPackages`: imports these packages and nothing else.
 */
const kitRungs = [
  [{ name: 'cli', files: ['cli/**'] }],
  [{ name: 'testing', files: ['testing/**'] }],
  [{ name: 'app', files: ['app.ts', 'app-*.ts', 'index.ts'] }],
  [
    {
      name: 'config',
      files: ['config.ts', 'config-*.ts'],
      takesTypes: true,
      typeReaders: ['platform'],
    },
  ],
  [
    { name: 'features', files: ['features/**'], apart: true },
    { name: 'identity', files: ['identity/**'] },
  ],
  [{ name: 'http', files: ['http/**'] }],
  [
    { name: 'exports', files: ['exports/**'] },
    { name: 'files-http', files: ['files-http/**'] },
  ],
  [
    { name: 'rpc', files: ['rpc/**'] },
    { name: 'tasks', files: ['tasks/**'] },
    { name: 'files', files: ['files/**'] },
  ],
  [
    {
      name: 'resources',
      files: ['resources.ts', 'task-types.ts', 'file-types.ts'],
      typesOnly: true,
    },
  ],
  [{ name: 'policies', files: ['policies/**'], apart: true }],
  [{ name: 'db', files: ['db/**'] }],
  [{ name: 'platform', files: ['platform/**'] }],
]

const serverRungs = [
  [{ name: 'app', files: ['app.ts', 'limits.ts', 'main.ts', 'seed.ts', 'router-type.ts'] }],
  [{ name: 'features', files: ['features/**'], apart: true }],
  [
    { name: 'owner', files: ['owner.ts'] },
    { name: 'search', files: ['search.ts'] },
    { name: 'heavy work', files: ['heavy-work.ts', 'turns.ts'] },
  ],
  [{ name: 'migrations', files: ['migrations/**'], onlyPackages: ['kysely'] }],
]

/** Every public entry of a workspace package. There is no other way in, and no `/src/` path. */
export const publicEntries = [
  '@tautline/shared',
  '@tautline/client',
  '@tautline/kit',
  '@tautline/kit/testing',
  '@tautline/kit/testing/global-setup',
  '@tautline/server/app',
  '@tautline/server/router-type',
]

/** Imported with `import type` only: it has no code to run. */
export const typeOnlyEntries = ['@tautline/server/router-type']

/**
 * Every place in the repository, the first match wins.
 * - `mayImport`: the workspace entries it may name; `forTests` and `rungImports` add to them.
 * - `never`: prefixes of packages it may not import at all (its tests may).
 */
export const areas = [
  { at: 'packages/shared', mayImport: [], never: ['node:'] },
  { at: 'packages/client', mayImport: ['@tautline/shared'], never: ['node:'] },
  {
    at: 'packages/kit',
    mayImport: ['@tautline/shared'],
    rungs: kitRungs,
    rungImports: { testing: ['@tautline/client'] },
    forTests: { rungs: ['app', 'testing'], packages: ['@tautline/client'] },
  },
  {
    at: 'packages/server',
    mayImport: ['@tautline/kit'],
    rungs: serverRungs,
    forTests: { rungs: ['app'], packages: ['@tautline/kit/testing', '@tautline/client'] },
  },
  {
    at: 'packages/console',
    mayImport: ['@tautline/client', '@tautline/shared', '@tautline/server/router-type'],
  },
  { at: 'e2e', mayImport: publicEntries },
  { at: 'bench', mayImport: publicEntries },
  { at: 'examples', mayImport: publicEntries },
]

/** Packages that only some files of an area may import; `@trpc/server` stands for its sub-paths too. */
export const confined = [
  {
    name: '@trpc/server',
    area: 'packages/kit',
    only: ['rpc/**', 'features/*/router.ts', 'app.ts', 'app-*.ts', 'testing/**', ...testFiles],
    instead: 'mechanisms know no tRPC: return a value or throw an error of the shared table',
  },
  {
    name: '@trpc/server',
    area: 'packages/server',
    only: ['features/*/router.ts', ...testFiles],
    instead: 'define procedures in features/<noun>/router.ts',
  },
]

/** The only files under packages/ that may read `process.env`. */
export const envReaders = [
  'packages/kit/src/config.ts',
  'packages/kit/src/cli/**',
  'packages/kit/src/testing/**',
  'packages/kit/src/platform/embedded-postgres/**',
  ...testFiles,
]
