import type { App } from '../app.ts'

/** What ends a server: a signal, or the end of the process that started it. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Serves until the process is told to stop, then lets the running calls finish and ends the
 * process: with 0, or with 1 when it was an error that nobody caught.
 */
export function closeOnStop(app: App): void {
  let stopping = false

  async function stop(why: string, exitCode: number) {
    if (stopping) return
    stopping = true
    app.resources.log.info({ why }, 'stopping')
    await app.close()
    app.resources.log.flush()
    process.exit(exitCode)
  }

  for (const signal of STOP_SIGNALS) process.on(signal, () => void stop(signal, 0))
  process.on('disconnect', () => void stop('parent gone', 0))
  process.on('uncaughtException', (error) => {
    app.resources.log.fatal({ err: error }, 'uncaught')
    void stop('uncaught error', 1)
  })
}
