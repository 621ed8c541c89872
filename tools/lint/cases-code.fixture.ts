import type { Case } from './run.fixture.ts'

const kit = 'packages/kit/src'

/** Cases of one rule, numbered into files of their own. */
function numbered(
  folder: string,
  rows: [name: string, refused: string, allowed: string][],
): Case[] {
  return rows.map(([name, refused, allowed], index) => ({
    name,
    path: `${folder}/case-${index}.ts`,
    refused,
    allowed,
  }))
}

export const selectAll: Case[] = [
  ...numbered(`${kit}/db/select`, [
    ['selectAll', `db.selectFrom('a').selectAll()`, `db.selectFrom('a').select(['id'])`],
    ['selectAll of a table', `db.selectFrom('a').selectAll('a')`, `db.selectAllowed()`],
    ['returningAll', `db.insertInto('a').returningAll()`, `db.insertInto('a').returning('id')`],
    ['sql select *', 'sql`select * from a`', 'sql`select count(*) from a`'],
    ['typed sql', 'sql<Row>`SELECT *\n FROM a`', 'sql<Row>`select 2 * price from a`'],
    ['sql returning *', 'sql`delete from a returning *`', 'sql`delete from a returning id`'],
    ['sql t.*', 'sql`select a.id, b.* from a, b`', 'sql`select a.id, b.id from a, b`'],
    ['sql of a name', 'sql`select ${t}.* from ${t}`', 'sql`select ${t}.id from ${t}`'],
    ['query text', `pool.query('select * from a')`, `pool.query('select id from a')`],
    ['query object', `pool.query({ text: 'select * from a' })`, `pool.query({ text: 'select 1' })`],
    ['query template', 'pool.query(`select distinct * from a`)', 'pool.query(`select 1`)'],
    ['query sum', `pool.query('select ' + '* from a')`, `pool.query('select ' + 'id from a')`],
    [
      'query of a constant',
      `const text = 'select * from a'\npool.query(text)`,
      `const text = 'the menu says select * from a'\nlog(text)`,
    ],
    ['sql.raw of select *', `sql.raw('select * from a')`, `sql.ref('a.id')`],
  ]),
  {
    name: 'outside migrations',
    path: `${kit}/db/star.ts`,
    refused: 'sql`select * from a`',
    allowed: 'sql`select * from a`',
    allowedPath: `${kit}/db/migrations/0001-first.ts`,
  },
  {
    name: 'in tests too',
    path: `${kit}/db/star.test.ts`,
    refused: 'sql`select * from a`',
    allowed: 'sql`select id from a`',
  },
]

export const sqlRaw: Case[] = [
  ...numbered(`${kit}/db/raw`, [
    ['sql.raw', `sql.raw(name)`, `sql.ref(name)`],
    ['sql.lit', `sql.lit(value)`, `sql.val(value)`],
    ['a computed name', `sql['raw'](name)`, `sql['id'](name)`],
    ['handed on', `names.map(sql.raw)`, `names.map(sql.id)`],
    ['taken apart', `const { raw } = sql`, `const { raw } = String`],
    [
      'under another name',
      `import { sql as s } from 'kysely'\ns.raw(name)`,
      `import { s } from './s.ts'\ns.raw(name)`,
    ],
    ['of a call', 'sql`order by ${sql.raw(name)}`', 'sql`order by ${sql.ref(name)}`'],
  ]),
  {
    name: 'outside migrations',
    path: `${kit}/db/raw.ts`,
    refused: `sql.raw(name)`,
    allowed: `sql.raw(name)`,
    allowedPath: `packages/server/src/migrations/0001-first.ts`,
  },
]

export const syncCalls: Case[] = numbered(`${kit}/platform/sync`, [
  ['a member', `fs.readFileSync('a')`, `await fs.readFile('a')`],
  ['a name', `execSync('a')`, `await exec('a')`],
  ['an optional call', `hash?.hashSync('a')`, `hash?.hash('a')`],
  ['any library', `argon2.hashSync('a')`, `resync('a')`],
  [
    'unless a comment says why',
    `readFileSync('a')`,
    `// oxlint-disable-next-line tautline/no-sync-calls -- runs once, before the server listens\nreadFileSync('a')`,
  ],
])

const handler = (policy: string, body: string) =>
  `export const save = mutation({ ${policy} run: async ({ ctx, input }) => { ${body} } })`

export const parallel: Case[] = numbered(`${kit}/db/parallel`, [
  [
    'trx in a list',
    `await Promise.all([insert(trx, 1), insert(trx, 2)])`,
    `await Promise.all([insert(db, 1), insert(db, 2)])`,
  ],
  [
    'tx in a map',
    `await Promise.all(ids.map((id) => insert(tx, id)))`,
    `for (const id of ids) await insert(tx, id)`,
  ],
  [
    'allSettled',
    `await Promise.allSettled([trx.a(), b()])`,
    `await Promise.allSettled([a(), b()])`,
  ],
  [
    'race',
    `await Promise.race([transaction.a(), timeout])`,
    `await Promise.race([run(), timeout])`,
  ],
  [
    'a named list',
    `const work = ids.map((id) => insert(trx, id))\nawait Promise.all(work)`,
    `const work = ids.map((id) => insert(db, id))\nawait Promise.all(work)`,
  ],
  [
    'each its own transaction',
    `await run(async (trx) => { await Promise.all(ids.map((id) => trx.insert(id))) })`,
    `await Promise.all(ids.map((id) => run(async (trx) => { await trx.insert(id) })))`,
  ],
  [
    'the parameter under any name',
    `await db.transaction().execute(async (c) => { await Promise.all([c.a(), c.b()]) })`,
    `await db.connection().execute(async (c) => { await Promise.all([c.a(), c.b()]) })`,
  ],
  [
    'ctx.db in ctx.transaction',
    `await ctx.transaction(async () => { await Promise.all([a(ctx.db), b(ctx.db)]) })`,
    `await Promise.all([a(ctx.db), b(ctx.db)])`,
  ],
  [
    'ctx.db in a mutation',
    handler('', 'await Promise.all(input.ids.map((id) => insert(ctx.db, id)))'),
    handler(`policy: { transaction: 'none' },`, 'await Promise.all([a(ctx.db), b(ctx.db)])'),
  ],
  [
    'ctx.db in a query is free',
    handler('', 'return Promise.all([a(ctx.db), b(ctx.db)])'),
    `export const list = query({ run: ({ ctx }) => Promise.all([a(ctx.db), b(ctx.db)]) })`,
  ],
  [
    'a key named tx is no transaction',
    `await Promise.all([send({ tx })])`,
    `await Promise.all([send({ tx: 1 }), bytes.txCount])`,
  ],
])

export const environment: Case[] = [
  ...numbered('packages/server/src/features/env', [
    ['process.env', `export const a = process.env.A`, `export const a = process.pid`],
    ['computed', `export const a = process['env']`, `export const a = process['pid']`],
    ['global', `export const a = globalThis.process.env`, `export const a = env`],
    ['taken apart', `export const { env } = process`, `export const { pid } = process`],
    [
      'imported',
      `import { env } from 'node:process'\nuse(env)`,
      `import { pid } from 'node:process'`,
    ],
  ]),
  ...['cli/env.ts', 'testing/env.ts', 'platform/embedded-postgres/env.ts'].map((path, index) => ({
    name: `but in kit ${path}`,
    path: `${kit}/http/env-${index}.ts`,
    refused: `export const a = process.env.A`,
    allowed: `export const a = process.env.A`,
    allowedPath: `${kit}/${path}`,
  })),
  ...[`${kit}/http/env.test.ts`, 'e2e/env.ts', 'scripts/env.ts'].map((allowedPath, index) => ({
    name: `but in ${allowedPath}`,
    path: `packages/client/src/env-${index}.ts`,
    refused: `export const a = process.env.A`,
    allowed: `export const a = process.env.A`,
    allowedPath,
  })),
]

const off = 'oxlint-disable'
export const reasons: Case[] = numbered(`${kit}/platform/reason`, [
  [
    'no reason',
    `// ${off}-next-line no-var\nvar a = 1`,
    `// ${off}-next-line no-var -- an old engine reads this\nvar a = 1`,
  ],
  [
    'no rule',
    `// ${off}-next-line -- it is fine here\nvar a = 1`,
    `// a comment on ${off}\nlet a = 1`,
  ],
  ['a blanket for the file', `/* ${off} */\nvar a = 1`, `/* a file about lint */\nlet a = 1`],
  ['on the line', `var a = 1 // ${off}-line no-var`, `let a = 1 // a number`],
])

/** Ready-made rules that the house rules lean on: the case shows that the configuration turns them on. */
export const readyMade: Record<string, Case> = {
  'eslint(max-lines)': {
    name: 'files stay under 400 lines',
    path: `${kit}/db/long.ts`,
    refused: 'f()\n'.repeat(401),
    allowed: 'f()\n'.repeat(400),
  },
  'eslint(max-lines-per-function)': {
    name: 'functions stay under 60 lines',
    path: `${kit}/db/long-function.ts`,
    refused: `export function g() {\n${'  f()\n'.repeat(59)}}\n`,
    allowed: `export function g() {\n${'  f()\n'.repeat(58)}}\n`,
  },
  'eslint(max-params)': {
    name: 'functions take three parameters',
    path: `${kit}/db/params.ts`,
    refused: 'export const g = (a: 1, b: 1, c: 1, d: 1) => a + b + c + d',
    allowed: 'export const g = (a: 1, b: 1, c: 1) => a + b + c',
  },
  'eslint(no-console)': {
    name: 'console is for the command line',
    path: `${kit}/db/console.ts`,
    refused: 'console.log(1)',
    allowed: 'console.log(1)',
    allowedPath: `${kit}/cli/console.ts`,
  },
  'import(no-default-export)': {
    name: 'exports have names',
    path: `${kit}/db/default.ts`,
    refused: 'export default 1',
    allowed: 'export default 1',
    allowedPath: 'vitest.config.ts',
  },
  'typescript(no-explicit-any)': {
    name: 'no any',
    path: `${kit}/db/any.ts`,
    refused: 'export let a: any',
    allowed: 'export let a: unknown',
  },
  'typescript(no-non-null-assertion)': {
    name: 'no non-null assertion',
    path: `${kit}/db/bang.ts`,
    refused: 'export const g = (a?: { b: 1 }) => a!.b',
    allowed: 'export const g = (a?: { b: 1 }) => a?.b',
  },
  'typescript(consistent-type-assertions)': {
    name: 'no cast without a reason',
    path: `${kit}/db/cast.test.ts`,
    refused: 'export const a = JSON.parse("1") as number',
    allowed: 'export const a = [1] as const satisfies number[]',
  },
  'typescript(consistent-type-imports)': {
    name: 'types are imported as types',
    path: `${kit}/db/types.ts`,
    refused: `import { X } from './x.ts'\nexport type Y = X`,
    allowed: `import type { X } from './x.ts'\nexport type Y = X`,
  },
  'typescript(no-floating-promises)': {
    name: 'no promise floats',
    path: `${kit}/db/floating.ts`,
    refused: 'export function g() { Promise.resolve(1) }',
    allowed: 'export async function g() { await Promise.resolve(1) }',
  },
  'typescript(no-misused-promises)': {
    name: 'no promise is taken for a boolean',
    path: `${kit}/db/misused.ts`,
    refused: 'export const g = (p: Promise<1>) => { if (p) return 1; return 2 }',
    allowed: 'export const g = async (p: Promise<1>) => { if (await p) return 1; return 2 }',
  },
  'unicorn(filename-case)': {
    name: 'files are kebab-case',
    path: `${kit}/db/camelCase.ts`,
    refused: 'export const a = 1',
    allowed: 'export const a = 1',
    allowedPath: `${kit}/db/kebab-case.ts`,
  },
}
