import { FIRST_PORT } from './free-port.ts'

/** What a newcomer wants to know of a backend that has just started. */
export interface BannerFacts {
  readonly url: string
  /** Where the data is, in words. */
  readonly where: string
  /** What the app suggests to try. */
  readonly hints: readonly string[]
  readonly tookMs: number
}

/** The lines that say where to look. */
export function banner({ url, where, hints, tookMs }: BannerFacts): string[] {
  return [
    '',
    'Tautline is running.',
    '',
    `  this backend  ${url}/${portNote(url)}`,
    `  procedures    ${url}/rpc/<noun>.<verb>`,
    `  readiness     ${url}/readyz`,
    `  Postgres      ${where}`,
    `  Redis         ${redisNote()}`,
    '',
    ...hints,
    '',
    `Ready in ${seconds(tookMs)}. An edit restarts it, Ctrl-C stops it.`,
  ]
}

/** Says why the port is not the one that everybody expects. */
function portNote(url: string): string {
  const moved = process.env.PORT === undefined && new URL(url).port !== String(FIRST_PORT)
  return moved ? `  (port ${FIRST_PORT} is taken)` : ''
}

/** Says what is counted and kept in each process where there is no Redis. */
function redisNote(): string {
  const { REDIS_URL: url, REDIS_URL_FILE: file } = process.env
  if (url !== undefined || file !== undefined) return 'shared by all processes'
  return 'none: each process counts its limits and keeps its cache by itself'
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
