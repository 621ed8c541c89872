import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { exitOf } from '../faults/server-process.ts'
import { findProgram } from '../setup/find-program.ts'
import { nodeEnvironment } from '../setup/node-environment.ts'

const STOP_TIMEOUT_MS = 20_000

const taskset = findProgram('taskset')

/** What a process of its own runs, and on which core, where the machine can do that. */
export interface Program {
  readonly file: URL
  readonly args?: readonly string[]
  readonly core?: number
}

/** Starts it from source. It talks with this process, and knows no other environment. */
export function startChild(program: Program, environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const { file, args = [], core } = program
  const isFree = taskset === undefined || core === undefined
  const [command = '', ...words] = [
    ...(isFree ? [] : [taskset, '--cpu-list', String(core)]),
    process.execPath,
    '--conditions=@tautline/source',
    fileURLToPath(file),
    ...args,
  ]
  return spawn(command, words, {
    env: { ...nodeEnvironment, ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

/** Rejects when the process ends before it says anything. */
export function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error('The process has ended.'))
    child.once('exit', end)
    child.once('message', (message) => {
      child.off('exit', end)
      resolve(message)
    })
  })
}

export async function stopChild(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  child.kill('SIGTERM')
  await exitOf(child)
  clearTimeout(timer)
}
