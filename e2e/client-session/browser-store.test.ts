import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { JSDOM, type DOMWindow } from 'jsdom'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { browserStore, type StorageWindow } from '@tautline/client'

import { startWorld, type World } from './world.ts'

const KEY = 'app-session'

let world: World
let dom: JSDOM
/** Two windows of one origin: what one of them stores, the other is told. */
let one: DOMWindow
let two: StorageWindow

const site = createServer((request, response) => {
  response.setHeader('content-type', 'text/html')
  response.end(request.url === '/' ? '<iframe src="/other"></iframe>' : '<p>The other one.</p>')
})

beforeAll(async () => {
  world = await startWorld()
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a TCP server has no other address
  const { port } = site.address() as AddressInfo
  dom = await JSDOM.fromURL(`http://127.0.0.1:${port}/`, { resources: 'usable' })
  if (dom.window.document.readyState !== 'complete') await once(dom.window, 'load')
  one = dom.window
  const frame = one.document.querySelector('iframe')?.contentWindow
  if (!frame) throw new Error('The page has no second window.')
  two = frame
})
afterAll(async () => {
  dom.window.close()
  site.closeAllConnections()
  site.close()
  await world[Symbol.asyncDispose]()
})
beforeEach(() => one.localStorage.clear())

const openTab = (window: StorageWindow) => world.openTab({ store: browserStore(KEY, window) })

describe('a session in localStorage', () => {
  test('is there again after a reload, and in the other tabs', async () => {
    const tab = openTab(one)
    const other = openTab(two)
    await tab.signIn('anna')
    expect(openTab(one).session.state).toBe('signed-in')
    expect(other.session.state).toBe('signed-in')
    await expect.poll(() => other.told).toEqual(['signed-in'])
    expect(await other.client.notes.whose.query()).toBe('anna')
  })

  test('ends in all tabs when it is signed out of in one', async () => {
    const [tab, other] = [openTab(one), openTab(two)]
    await tab.signIn('anna')
    await expect.poll(() => other.told).toEqual(['signed-in'])
    tab.session.signOut()
    expect(other.session.state).toBe('signed-out')
    await expect.poll(() => other.told).toEqual(['signed-in', 'signed-out'])
    expect(one.localStorage.length).toBe(0)
  })

  test('ends when the browser forgets everything', async () => {
    const [tab, other] = [openTab(one), openTab(two)]
    await tab.signIn('anna')
    await expect.poll(() => other.told).toEqual(['signed-in'])
    one.localStorage.clear()
    await expect.poll(() => other.told).toEqual(['signed-in', 'signed-out'])
  })

  test('is refreshed once for all tabs, and other keys are nothing to it', async () => {
    const [tab, other] = [openTab(one), openTab(two)]
    await tab.signIn('anna')
    world.forgetAccess()
    const before = world.outcomes('auth.refresh').length
    const calls = [tab.client.notes.whose.query(), other.client.notes.whose.query()]
    expect(await Promise.all(calls)).toEqual(['anna', 'anna'])
    expect(world.outcomes('auth.refresh').slice(before)).toEqual(['OK'])
    one.localStorage.setItem('theme', 'dark')
    await expect.poll(() => other.told).toEqual(['signed-in'])
  })

  test.each(['', 'null', '[]', '{"loginId":"x"}', '{"loginId":', '7'])(
    'is none where %j stands in its place',
    async (text) => {
      one.localStorage.setItem(KEY, text)
      const tab = openTab(one)
      expect(tab.session.state).toBe('signed-out')
      await tab.signIn('anna')
      expect(await tab.client.notes.whose.query()).toBe('anna')
    },
  )

  test('that cannot be read leaves calls unsent', async () => {
    const forbidden = () => {
      throw new DOMException('The user forbids it.', 'SecurityError')
    }
    const localStorage = { getItem: forbidden, setItem: forbidden, removeItem: forbidden }
    const window = { localStorage, addEventListener() {}, removeEventListener() {} }
    expect(() => openTab(window)).toThrow('The user forbids it.')
  })
})
