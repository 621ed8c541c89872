import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

import { until } from '../dev/wait.ts'
import { nginxPath } from '../setup/has-nginx.ts'
import { nginxConfiguration } from './nginx.conf.ts'
import { freePort } from './ports.ts'

/** Where root becomes nobody. */
const NOBODY = { uid: 65_534, gid: 65_534 }

export interface Nginx extends AsyncDisposable {
  readonly url: string
}

/** Starts an nginx of its own, in a folder of its own and without any rights, before `upstreams`. */
export async function startNginx(upstreams: readonly string[]): Promise<Nginx> {
  if (nginxPath === undefined) throw new Error('nginx is not installed.')
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'tautline-nginx-'))
  const file = join(folder, 'nginx.conf')
  await writeFile(file, nginxConfiguration({ port, upstreams }))
  const asRoot = userInfo().uid === 0
  if (asRoot) await chown(folder, NOBODY.uid, NOBODY.gid)
  const log = join(folder, 'error.log')
  const nginx = spawn(nginxPath, ['-p', folder, '-c', file, '-e', log], {
    cwd: folder,
    stdio: 'ignore',
    ...(asRoot && NOBODY),
  })
  const exited = once(nginx, 'exit')
  const url = `http://127.0.0.1:${port}`
  await until('nginx to answer', async () => {
    if (nginx.exitCode !== null) throw new Error(`nginx ended: ${await readFile(log, 'utf8')}`)
    return fetch(url).then(
      () => true,
      () => false,
    )
  })
  return {
    url,
    async [Symbol.asyncDispose]() {
      nginx.kill('SIGTERM')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
