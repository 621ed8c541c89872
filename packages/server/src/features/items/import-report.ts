import { MAX_FAULTS } from './import-chunk.ts'
import type { ImportFault } from './import-queries.ts'

/** How its owner finds the report among their files. */
export const REPORT_NAME = 'import-problems.csv'

/** What reads faults after a row, some at a time; none after the last. */
export type ReadFaults = (after: number) => Promise<readonly ImportFault[]>

/**
 * The report of an import: one line for each bad row, and one for those beyond what is told. The same
 * import always has the same.
 */
export async function* reportOf(bad: number, read: ReadFaults): AsyncGenerator<Buffer, void> {
  yield Buffer.from('row,problem\r\n')
  for (let faults = await read(0); faults.length > 0;) {
    yield Buffer.from(faults.map(lineOf).join(''))
    faults = await read(faults.at(-1)?.row ?? 0)
  }
  if (bad > MAX_FAULTS) yield Buffer.from(`,"and ${bad - MAX_FAULTS} further rows"\r\n`)
}

function lineOf({ row, problem }: ImportFault): string {
  return `${row},"${problem.replaceAll('"', '""')}"\r\n`
}
