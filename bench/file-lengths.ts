import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * How long the files are: median, 95th percentile and maximum of the lines of every TypeScript
 * file that git knows, sources and tests apart. Run by `pnpm bench:files`.
 */

const { stdout } = await promisify(execFile)('git', ['ls-files', '*.ts'])
const files = stdout.trim().split('\n')
const lengths = await Promise.all(
  files.map(async (file) => ({
    file,
    lines: (await readFile(file, 'utf8')).split('\n').length - 1,
  })),
)

const isTest = (file: string) =>
  /\.(test|test-d|fixture)\.ts$/.test(file) || file.startsWith('e2e/')

for (const [kind, wanted] of [
  ['sources', false],
  ['tests', true],
] as const) {
  const sorted = lengths
    .filter(({ file }) => isTest(file) === wanted)
    .sort((a, b) => a.lines - b.lines)
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1]
  const max = at(1)
  console.log(
    `${kind}: ${sorted.length} files, median ${at(0.5)?.lines} lines, ` +
      `95th percentile ${at(0.95)?.lines}, max ${max?.lines} (${max?.file})`,
  )
}
