import type { App } from '../app.ts'
import { STOP_SIGNALS } from './stop-signals.ts'

/**
 * Serves until the process is told to stop, or the one that started it is gone; then lets the running calls finish and ends the
 * process: with 0, or with 1 when it was an error that nobody caught.
 */
export function closeOnStop(app: App): void {
  let stopping = false

  function stop(why: string, exitCode: number) {
    if (stopping) return
    stopping = true
    const { log } = app.resources
    log.info({ why }, 'stopping')
    function end() {
      log.flush()
      process.exit(exitCode)
    }
    app.close().then(end, end)
  }

  for (const signal of STOP_SIGNALS) process.on(signal, () => stop(signal, 0))
  process.on('disconnect', () => stop('parent gone', 0))
  process.on('uncaughtException', (error) => {
    app.resources.log.fatal({ err: error }, 'uncaught')
    stop('uncaught error', 1)
  })
}
