import { codeBlocks, codeSpans, localLinks } from './markdown.ts'

/** What a document says that can be wrong. */

const FILE = /\.(ts|js|cjs|json|ya?ml|md|csv)$/

/** Everything that looks like a path in the repository: `rpc/`, `features/<noun>/router.ts`. */
export function pathsIn(text: string): string[] {
  const words = codeSpans(text).flatMap((span) => span.split(/\s+/))
  const paths = words.filter(
    (word) =>
      /^[\w.<>*{},/-]+$/.test(word) &&
      !word.startsWith('/') &&
      (word.includes('/') || FILE.test(word)),
  )
  return unique([...paths, ...localLinks(text)])
}

/** Whether a path of a document is one of these files or a folder of them. */
export function leadsSomewhere(path: string, files: readonly string[]): boolean {
  const name = path.replace(/^\.\//, '').replace(/\/$/, '')
  const pattern = name
    .replaceAll(/[.+]/g, String.raw`\$&`)
    .replaceAll('**', '.+')
    .replaceAll(/(?<!\.)\*|<\w+>/g, '[^/]+')
  const [root = ''] = name.split('/')
  const isWhole = name.includes('/') && files.some((file) => file.startsWith(`${root}/`))
  const before = isWhole ? '^' : name.startsWith('.') ? '' : '(^|/)'
  const expression = new RegExp(`${before}${pattern}(/|$)`)
  return files.some((file) => expression.test(file))
}

/** Scripts that a reader is told to run by pnpm. */
export function scriptsIn(text: string): string[] {
  return unique(matches(commandsIn(text), /\bpnpm(?:@\d+)? ([\w:-]+)/g))
}

/** Commands of the CLI, with the words behind them: `migrate new note`. */
export function cliCommandsIn(text: string): string[] {
  return unique(matches(commandsIn(text), /\btautline ((?:[a-z]+ ?)+)/g).map((line) => line.trim()))
}

/** Names in capitals: variables of the environment, and reasons of errors. */
export function constantsIn(text: string): string[] {
  return unique(matches(commandsIn(text), /(?<![\w-])([A-Z]+(?:_[A-Z]+)+)(?![\w*])/g))
}

/** What code blocks import from our packages as values. */
export function importsIn(text: string): { name: string; from: string }[] {
  const code = codeBlocks(text).map((block) => block.code)
  return code.flatMap((block) =>
    [...block.matchAll(/^import \{([^}]+)\} from '(@tautline\/[^']+)'/gm)].flatMap(
      ([, names = '', from = '']) =>
        names
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '' && !name.startsWith('type '))
          .map((name) => ({ name, from })),
    ),
  )
}

/** What a reader may type: code in a sentence, and blocks of shell. */
function commandsIn(text: string): string {
  const shell = codeBlocks(text).filter(({ language }) => language === 'sh')
  return [...codeSpans(text), ...shell.map(({ code }) => code)].join('\n')
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = '']) => found)
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
