import { readFile } from 'node:fs/promises'

const read = (path: string) => readFile(path, 'utf8').catch(() => '') // it may have ended

/** Those that a process has started, and those that these have, where the system tells. */
async function descendants(pid: number): Promise<number[]> {
  const listed = await read(`/proc/${pid}/task/${pid}/children`)
  const children = listed.split(' ').filter(Boolean).map(Number)
  return [...children, ...(await Promise.all(children.map(descendants))).flat()]
}

/** The processes among them that run a file of this feature. */
export async function processesOf(
  file: 'image-launcher' | 'image-worker',
  pid = process.pid,
): Promise<number[]> {
  const pids = await descendants(pid)
  const lines = await Promise.all(pids.map((one) => read(`/proc/${one}/cmdline`)))
  return pids.filter((_, place) => lines[place]?.includes(`${file}.`))
}

export async function residentMb(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await read(`/proc/${pid}/status`))?.[1] ?? 0) / 1_000
}
