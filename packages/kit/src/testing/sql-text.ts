const CLAUSES = [
  'select',
  'from',
  'where',
  'group by',
  'having',
  'window',
  'order by',
  'limit',
  'offset',
  'for (?:no key )?(?:update|share)',
  'for key share',
  '(?:(?:inner|left|right|full|cross) )?(?:outer )?join',
  'union',
  'intersect',
  'except',
  'insert into',
  'values',
  'update',
  'set',
  'delete from',
  'on conflict',
  'do update set',
  'returning',
]

/** What SQL is made of, as far as its lines go. Strings and names in quotes are left as they are. */
const TOKEN = new RegExp(
  [
    String.raw`(?<plain>'(?:[^']|'')*'|"(?:[^"]|"")*"|is (?:not )?distinct from\b)`,
    String.raw`(?<statement>\((?=\s*(?:select|with|table|values|insert|update|delete)\b))`,
    String.raw`(?<open>\()`,
    String.raw`(?<close>\))`,
    String.raw`(?<clause>\b(?:${CLAUSES.join('|').replaceAll(' ', String.raw`\s+`)})\b)`,
    String.raw`(?<space>\s+)`,
    String.raw`(?<word>[\w$]+|.)`,
  ].join('|'),
  'gs',
)

/** A pair of parentheses, or the whole text. */
interface Frame {
  readonly indent: string
  readonly isStatement: boolean
  readonly outer?: Frame
}

/** SQL to be read and compared: a line for each clause, statements in parentheses indented. */
export function formatSql(sql: string): string {
  let text = ''
  let frame: Frame = { indent: '', isStatement: true }
  const breakLine = (indent: string) => {
    if (!/(^|\n) *$/.test(text)) text = `${text.trimEnd()}\n${indent}`
  }
  for (const { 0: token, groups = {} } of sql.trim().matchAll(TOKEN)) {
    if (groups.open || groups.statement) {
      const isStatement = groups.statement !== undefined
      text += token
      frame = { isStatement, indent: frame.indent + (isStatement ? '  ' : ''), outer: frame }
      if (isStatement) breakLine(frame.indent)
    } else if (groups.close) {
      const { outer = frame, isStatement } = frame
      text = text.trimEnd()
      if (isStatement) breakLine(outer.indent)
      text += token
      frame = outer
    } else if (groups.clause && frame.isStatement) {
      breakLine(frame.indent)
      text += token.replaceAll(/\s+/g, ' ')
    } else if (groups.space) {
      if (!/[\s(]$/.test(text)) text += ' '
    } else {
      text += token
    }
  }
  return text
}
