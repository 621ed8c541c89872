/** Between two statements of a dump. */
const NEXT_STATEMENT = /\n\n(?=CREATE )/

const TABLE = /^CREATE ((?:UNLOGGED |FOREIGN )?TABLE (.+)) \($/

/**
 * What is said of a query, and behind it the query. Postgres keeps a query parsed, and major versions
 * word it each in their own way; the text of any other function it keeps as it was given.
 */
const QUERIES = [
  /^(CREATE (?:MATERIALIZED )?VIEW [^\n]*)\n/,
  /^(CREATE OR REPLACE (?:FUNCTION|PROCEDURE) (?:(?!\nAS )[^])*?)\n(?:BEGIN ATOMIC|RETURN )/,
]

/** What a dump says: a statement, or what stands inside of one that makes a table. */
interface Fact {
  readonly text: string
  /** The table in which it stands. */
  readonly inside?: string
}

/** What one dump says, by its text, and of which tables. */
interface Facts {
  readonly byText: ReadonlyMap<string, Fact>
  readonly tables: ReadonlySet<string>
}

/**
 * How one dump of `dumpSchema` differs from another, a line for each statement, column and
 * constraint: `-` for what only `expected` has, `+` for what only `actual` has. The order of
 * columns does not count, nor do extensions that only `actual` has, since hostings bring their own.
 * Where `otherWording` says so, queries do not count either. Empty when the schemas are the same.
 */
export function schemaDrift(expected: string, actual: string): string[] {
  const isWordedAlike = otherWording(expected, actual) === undefined
  const [before, after] = [factsOf(expected, isWordedAlike), factsOf(actual, isWordedAlike)]
  const besides = told(after, before).filter((fact) => !fact.startsWith('CREATE EXTENSION '))
  const lines = [
    ...told(before, after).map((fact) => `- ${fact}`),
    ...besides.map((fact) => `+ ${fact}`),
  ]
  // What was and what is of one thing stand together.
  return lines.sort((a, b) => (a.slice(1) < b.slice(1) ? -1 : 1))
}

/** Says what `schemaDrift` does not compare, when the dumps are by two major versions of Postgres. */
export function otherWording(expected: string, actual: string): string | undefined {
  const [before, after] = [postgresOf(expected), postgresOf(actual)]
  if (before === after) return undefined
  const by = before === undefined ? 'an unknown Postgres' : `Postgres ${before}`
  return (
    'Of views only the columns were compared, and of functions whose body is not quoted only the ' +
    `head: the dump is by ${by}, the database on Postgres ${after}.`
  )
}

/** The major version of the Postgres that a dump is by, as its first line says. */
export function postgresOf(dump: string): string | undefined {
  return /^-- Said by Postgres (\d+)/.exec(dump)?.[1]
}

/** What only one has. A table that the other lacks is told in one line. */
function told(facts: Facts, others: Facts): string[] {
  const isMissing = (table: string | undefined) => table !== undefined && !others.tables.has(table)
  const only = [...facts.byText.values()].filter(
    ({ text, inside }) => !others.byText.has(text) && !isMissing(inside),
  )
  return only.map(({ text }) => inOneLine(text, [...others.byText.keys()]))
}

function factsOf(dump: string, withQueries: boolean): Facts {
  const [, ...statements] = dump.replaceAll('\r', '').trimEnd().split(NEXT_STATEMENT)
  const facts = statements.flatMap((statement) =>
    factsOfStatement(withQueries ? statement : withoutQuery(statement)),
  )
  return {
    byText: new Map(facts.map((fact) => [fact.text, fact])),
    tables: new Set(facts.flatMap(({ inside }) => inside ?? [])),
  }
}

function withoutQuery(statement: string): string {
  const [, rest] = QUERIES.map((query) => query.exec(statement)).find((found) => found) ?? []
  return rest ?? statement
}

function factsOfStatement(statement: string): Fact[] {
  const [first = '', ...rest] = statement.split('\n')
  const [, fact, table] = TABLE.exec(first) ?? []
  if (fact === undefined || table === undefined) return [{ text: statement }]
  const end = rest.pop()?.slice(')'.length, -';'.length)
  const inside = rest.map((line) => {
    const [, kind, text = ''] = /^ +(CONSTRAINT )?(.*?),?$/.exec(line) ?? []
    return { text: `${kind ?? 'COLUMN '}${table}.${text}`, inside: table }
  })
  return [{ text: `${fact}${end}` }, ...inside]
}

/** Its first line, and of what the other has too the first line that differs. */
function inOneLine(fact: string, others: readonly string[]): string {
  const [first = '', ...rest] = fact.split('\n')
  if (rest.length === 0) return first
  const other = others.find((text) => text.startsWith(`${first}\n`))
  if (other === undefined) return `${first} …`
  const [, ...otherRest] = other.split('\n')
  // Of two texts, one may be how the other begins.
  const at = [...rest, undefined].findIndex((line, index) => line !== otherRest[index])
  return `${first} … line ${at + 2}: ${rest[at] ?? '(ends)'}`
}
