import { createHash } from 'node:crypto'

/** A file to be imported, and what is to come of it. */
export interface MadeFile {
  /** Pieces of it. */
  readonly pieces: readonly Buffer[]
  /** Rows that are items. */
  readonly good: number
  /** The report of those that are none. */
  readonly report: string
  /** Of the items, in the order of their prices, as `ITEMS_HASH` has it. */
  readonly hash: string
}

/** What the hash is of: of each item all that it has, and that it was written once. */
export const ITEMS_HASH = `
  select count(*)::int as count, md5(string_agg(
    concat_ws('|', sku, name, quantity, price_minor, version), E'\\n' order by price_minor
  )) as hash
  from item`

/** Every one of them is a row by itself, and none is an item. */
const BAD_ROWS: readonly (readonly [row: string, problem: string])[] = [
  ['x,y\r\n', 'The row has 2 fields, and the file 4 columns.'],
  [',Nothing,1,1\n', 'sku: Too small: expected string to have >=1 characters'],
  ['x,Much,1.5,1\n', 'quantity: is no whole number'],
  [
    'x,Dear,1,9223372036854775808\n',
    'priceMinor: Too big: expected bigint to be <=9223372036854775807',
  ],
  ['x,"Open,1,1\n', 'Text stands beside a field in quotes, or its quote is not closed.'],
  ['x,Mid"dle,1,1\n', 'A quote stands in the middle of a field.'],
]

const ROWS_OF_A_PIECE = 5_000

/** A CSV file of so many rows, a few of them bad, some on two lines. */
export function makeFile(rows: number): MadeFile {
  const items = createHash('md5')
  const report: string[] = ['row,problem']
  const pieces: Buffer[] = []
  let piece = 'sku,name,quantity,priceMinor\n'
  let good = 0
  for (let row = 1; row <= rows; row++) {
    const bad = row % 101 === 0 ? BAD_ROWS[Math.floor(row / 101) % BAD_ROWS.length] : undefined
    if (bad) {
      piece += bad[0]
      report.push(`${row},"${bad[1]}"`)
    } else {
      const name = row % 7 === 0 ? `Rope "${row}",\ntwo lines` : `Rope ${row}`
      const cell = row % 7 === 0 ? `"${name.replaceAll('"', '""')}"` : name
      // A broken quote reaches for the next one, which is to be in the very next row.
      const sku = row % 101 === 1 ? `"s${row}"` : `s${row}`
      piece += `${sku},${cell},${row % 1_000},${row}\n`
      items.update(`${good === 0 ? '' : '\n'}s${row}|${name}|${row % 1_000}|${row}|1`)
      good++
    }
    if (row % ROWS_OF_A_PIECE === 0 || row === rows) {
      pieces.push(Buffer.from(piece))
      piece = ''
    }
  }
  return { pieces, good, report: `${report.join('\r\n')}\r\n`, hash: items.digest('hex') }
}
