import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A server that is used, and stopped at the end if it was started here. */
export interface DemoServer extends AsyncDisposable {
  readonly url: string
}

/** The server that runs at `url`, or else one that is started as `pnpm dev` does. */
export async function findOrStartServer(url: string): Promise<DemoServer> {
  if (await isOurs(url)) {
    console.log(`Using the server that runs at ${url}.`)
    return { url, async [Symbol.asyncDispose]() {} }
  }
  console.log(`No server runs at ${url}, starting one …`)
  return startServer()
}

/** Every backend says at `/` what it is. */
async function isOurs(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return (await answer.text()).includes('tautline-reference')
  } catch {
    return false
  }
}

const DEV = 'packages/kit/src/cli/main.ts dev --app packages/server/src/app.ts'

async function startServer(): Promise<DemoServer> {
  const dev = spawn(process.execPath, ['--conditions=@tautline/source', ...DEV.split(' ')], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(dev, 'exit')
  async function stop() {
    dev.kill('SIGTERM')
    await exited
  }

  let url: string | undefined
  for await (const line of createInterface({ input: dev.stdout })) {
    url ??= /this backend +(\S+)\//.exec(line)?.[1]
    if (line.startsWith('Ready') || line.startsWith('The server could not start')) break
  }
  dev.stdout.resume() // unread, its output would fill the pipe and stop it
  if (url === undefined) {
    await stop()
    throw new Error('The server could not start.')
  }
  console.log(`It runs at ${url} for as long as this demo.`)
  return {
    url,
    async [Symbol.asyncDispose]() {
      await stop()
      console.log('The server has stopped. `pnpm dev` starts one that stays.')
    },
  }
}
