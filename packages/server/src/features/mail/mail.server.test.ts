import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { safe } from '@tautline/client'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { BulkOutcome } from './schema.ts'
import { startSmtpSink } from './smtp-sink.fixture.ts'

type Server = TestServer<typeof app>
type Sink = Awaited<ReturnType<typeof startSmtpSink>>

const MAIL_FROM = 'desk@shop.example'
const chief = { userId: 'chief', roles: ['admin'] }
const password = 'correct horse battery'

const template = {
  subject: 'For {{name}}',
  text: 'Hello {{name}}.',
  html: '<p>Hello {{name}}.</p>',
}

const recipient = (to: string, name = 'Anna') => ({ to, variables: { name } })

let sink: Sink
let server: Server
beforeAll(async () => {
  sink = await startSmtpSink()
  server = await startTestServer(app, { config: { settings: { SMTP_URL: sink.url, MAIL_FROM } } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await sink[Symbol.asyncDispose]()
})

const send = (recipients: ReturnType<typeof recipient>[], on = server) =>
  on
    .clientAs(chief)
    .mail.sendBulk.mutate({ template, recipients }, { idempotencyKey: randomUUID() })

/** What has come of a task, once it is over. */
async function ended(id: string, on = server) {
  const task = () => on.clientAs(chief).tasks.get.query({ id })
  await vi.waitUntil(async () => (await task()).finishedAt, { timeout: 25_000, interval: 25 })
  return task()
}

/** Has a task not wait for its next attempts; tells how long it would have, each time, in seconds. */
async function hurried(id: string): Promise<number[]> {
  const { db } = server.app.resources
  const waits: number[] = []
  const isOver = async () => {
    const { rows } = await sql<{ seconds: number }>`
      with due as (
        select name, id, start_after from tautline_boss.job
        where data->>'taskId' = ${id} and state < 'active' and start_after > now() for update
      )
      update tautline_boss.job set start_after = now() from due
      where job.name = due.name and job.id = due.id
      returning extract(epoch from due.start_after - now())::float as seconds`.execute(db)
    waits.push(...rows.map(({ seconds }) => seconds))
    const task = db.selectFrom('tautline.task').select('finished_at').where('id', '=', id)
    return (await task.executeTakeFirstOrThrow()).finished_at
  }
  await vi.waitUntil(isOver, { timeout: 50_000, interval: 50 })
  return waits
}

/** The outcomes in the report, by address. */
async function reportOf({ reportFileId }: { reportFileId: string | null }) {
  const headers = server.headersAs(chief)
  const answer = await fetch(`${server.url}/files/${reportFileId}`, { headers })
  const lines = (await answer.text()).trim().split('\n')
  const rows = lines.map((line) => JSON.parse(line))
  return Object.fromEntries(rows.map(({ to, outcome, said }) => [to, [outcome, said]]))
}

describe('a bulk mail', () => {
  test('is sent to each recipient, with what is theirs, as text and as HTML', async () => {
    const { taskId } = await send([
      recipient('anna@a.example'),
      recipient('berta@b.example', 'Berta <b>'),
    ])
    const { output, progress } = await ended(taskId)
    const outcome = BulkOutcome.parse(output)
    expect(outcome).toMatchObject({ done: 2, failed: 0, unknown: 0 })
    expect(progress).toMatchObject({ current: 2, total: 2 })
    const mails = new Map(sink.taken.map(({ to, raw }) => [to, raw]))
    expect([...mails.keys()].toSorted()).toEqual(['anna@a.example', 'berta@b.example'])
    const raw = mails.get('berta@b.example')
    for (const line of [
      `From: ${MAIL_FROM}`,
      'To: berta@b.example',
      'Subject: For Berta <b>',
      `Message-ID: <${taskId}.1@shop.example>`,
      'Hello Berta <b>.',
      '<p>Hello Berta &lt;b&gt;.</p>',
    ]) {
      expect(raw).toContain(`${line}\r\n`)
    }
    expect(await reportOf(outcome)).toEqual({
      'anna@a.example': ['done', expect.stringContaining('250')],
      'berta@b.example': ['done', expect.stringContaining('250')],
    })
  })

  test('tells of each what the server did, and repeats only what it certainly did not take', async () => {
    const names = ['refused', 'spam', 'silent', 'cut', 'plain']
    const { taskId } = await send(names.map((name) => recipient(`${name}@c.example`)))
    const outcome = BulkOutcome.parse((await ended(taskId)).output)
    expect(outcome).toMatchObject({ done: 2, failed: 2, unknown: 1 })
    expect(await reportOf(outcome)).toEqual({
      'refused@c.example': ['failed', expect.stringMatching(/^550 /)],
      'spam@c.example': ['failed', expect.stringMatching(/^554 /)],
      'silent@c.example': ['unknown', null],
      'cut@c.example': ['done', expect.stringMatching(/^250 /)],
      'plain@c.example': ['done', expect.stringMatching(/^250 /)],
    })
    const taken = sink.taken.map(({ to }) => to).filter((to) => to.endsWith('@c.example'))
    expect(taken.toSorted()).toEqual(['cut', 'plain', 'silent'].map((name) => `${name}@c.example`))
    expect(sink.asked.get('silent@c.example')).toBe(1)
  })

  test('that the server puts off for some is tried again for those, later, and not for ever', async () => {
    const names = ['once', 'busy', 'plain']
    const { taskId } = await send(names.map((name) => recipient(`${name}@g.example`)))
    const rounds = await hurried(taskId)
    const outcome = BulkOutcome.parse((await ended(taskId)).output)
    expect(await reportOf(outcome)).toEqual({
      'once@g.example': ['done', expect.stringMatching(/^250 /)],
      'busy@g.example': ['failed', expect.stringMatching(/^450 /)],
      'plain@g.example': ['done', expect.stringMatching(/^250 /)],
    })
    expect(names.map((name) => sink.asked.get(`${name}@g.example`))).toEqual([2, 10, 1])
    // It was told to wait for minutes, each time.
    expect(rounds.length).toBeGreaterThan(0)
    expect(Math.min(...rounds)).toBeGreaterThan(60)
  }, 60_000)

  test('that meets a server which takes none at the moment waits for as long as it takes', async () => {
    const { taskId } = await send([recipient('closing@h.example')])
    await hurried(taskId)
    expect((await ended(taskId)).output).toMatchObject({ done: 1, failed: 0, unknown: 0 })
    expect(sink.asked.get('closing@h.example')).toBe(13)
  }, 60_000)

  test('waits for a server that is away', async () => {
    const gone = await startSmtpSink()
    await gone[Symbol.asyncDispose]()
    const settings = { SMTP_URL: gone.url, MAIL_FROM }
    await using waiting = await startTestServer(app, { config: { settings } })
    const { taskId } = await send([recipient('anna@d.example')], waiting)
    const task = () => waiting.clientAs(chief).tasks.events.query({ id: taskId })
    await expect
      .poll(async () => (await task()).items.map(({ type }) => type))
      .toContain('retrying')
    await using back = await startSmtpSink({ port: gone.port })
    expect((await ended(taskId, waiting)).output).toMatchObject({ done: 1, failed: 0 })
    expect(back.taken.map(({ to }) => to)).toEqual(['anna@d.example'])
  })

  test.each([
    ['a line break in an address', template, [recipient('a@b.example\r\nBcc: c@d.example')]],
    ['a name beside an address', template, [recipient('Anna <anna@a.example>')]],
    [
      'a line break in what comes into the subject',
      template,
      [recipient('a@b.example', 'A\r\nX: y')],
    ],
    ['a line break in the subject', { subject: 'A\nB', text: 'C' }, [recipient('a@b.example')]],
    ['a variable that is missing', template, [{ to: 'a@b.example', variables: {} }]],
    ['a recipient twice', template, [recipient('a@b.example'), recipient('A@b.example')]],
    ['a place that is none', { subject: 'A', text: '{{name' }, [recipient('a@b.example')]],
    [
      'too many recipients',
      template,
      Array.from({ length: 1_001 }, (_, n) => recipient(`${n}@b.example`)),
    ],
  ])('with %s is refused', async (_, given, recipients) => {
    const asked = server
      .clientAs(chief)
      .mail.sendBulk.mutate({ template: given, recipients }, { idempotencyKey: randomUUID() })
    expect((await safe(asked))[1]?.reason).toBe('BAD_INPUT')
  })

  test('is for admins', async () => {
    const input = { template, recipients: [recipient('a@b.example')] }
    const asked = server
      .clientAs({ userId: 'anna', scopes: ['accounts:transfer'] })
      .mail.sendBulk.mutate(input, { idempotencyKey: randomUUID() })
    expect((await safe(asked))[1]?.reason).toBe('FORBIDDEN')
  })
})

describe('a welcome', () => {
  const welcomes = (email: string) => sink.taken.filter(({ to }) => to === email)

  test('is sent once to who signs up, and not for a sign-up that was refused', async () => {
    const email = 'emma@e.example'
    const account = { email, name: 'Emma', password }
    const attempts = await Promise.all(
      Array.from({ length: 3 }, () => safe(server.client().auth.register.mutate(account))),
    )
    expect(attempts.filter(([session]) => session)).toHaveLength(1)
    await expect.poll(() => welcomes(email)).toHaveLength(1)
    expect(welcomes(email)[0]?.raw).toContain('Subject: Welcome\r\n')
    const tasks = server.app.resources.db
      .selectFrom('tautline.task')
      .select(['state', 'owner'])
      .where('name', '=', 'mail.welcome')
    await expect.poll(() => tasks.execute()).toEqual([{ state: 'succeeded', owner: null }])
  })

  test('that the server puts off is sent later', async () => {
    const email = 'once@h.example'
    const { user } = await server.client().auth.register.mutate({ email, name: 'Once', password })
    const { id } = await server.app.resources.db
      .selectFrom('tautline.task')
      .select('id')
      .where('name', '=', 'mail.welcome')
      .where('input', 'like', `%${user.id}%`)
      .executeTakeFirstOrThrow()
    expect(await hurried(id)).toEqual([expect.closeTo(120, -1)])
    expect(welcomes(email)).toHaveLength(1)
  }, 60_000)
})

test('without a mail server nobody is told that mail was sent, and everybody can sign up', async () => {
  const config = { environment: 'production' as const, settings: {} }
  await using quiet = await startTestServer(app, { config })
  const [, error] = await safe(send([recipient('a@b.example')], quiet))
  expect(error?.reason).toBe('MAIL_NOT_CONFIGURED')
  const account = { email: 'fritz@f.example', name: 'Fritz', password }
  expect((await quiet.client().auth.register.mutate(account)).user.email).toBe(account.email)
  const tasks = quiet.app.resources.db.selectFrom('tautline.task').select('name')
  expect(await tasks.execute()).toEqual([])
})
