import { isTaskEnd, type TaskEventType, type TaskState } from '@tautline/shared'

/** A task as the database has it in the end. */
export interface SeenTask {
  readonly id: string
  readonly name: string
  readonly state: TaskState
  readonly lastSeq: number
  /** Of a child: who asked for it, and with which chunk. */
  readonly child?: { readonly parent: string; readonly chunk: number } | undefined
  /** Of work: how it was asked for. */
  readonly work?: { readonly ref: string; readonly chunks: number } | undefined
}

export interface SeenEvent {
  readonly taskId: string
  readonly seq: number
  readonly attempt: number
  readonly type: TaskEventType
  /** Of an event about a chunk. */
  readonly chunk?: number | undefined
  /** The attempt that it says itself it is of. */
  readonly by?: number | undefined
  /** When it was written, in milliseconds. */
  readonly at: number
}

export interface SeenEffect {
  readonly taskId: string
  readonly chunk: number
  readonly attempt: number
}

/** What a handler has said of itself, which nothing rolls back. */
export interface SeenWitness {
  readonly taskId: string
  readonly attempt: number
  readonly what: string
  readonly pid: number
}

export interface SeenStep {
  readonly taskId: string
  readonly state: string
}

/** What was asked for, and what is there in the end. */
export interface Evidence {
  /** Work that was acknowledged: its task, by its ref. */
  readonly acknowledged: ReadonlyMap<string, string>
  /** Refs of work whose transaction was rolled back. */
  readonly undone: readonly string[]
  /** How often a task was given its tries again, where that was acknowledged. */
  readonly redrives: ReadonlyMap<string, number>
  /** Refs by task, as they were noted in the transaction that asked for it. */
  readonly placed: readonly { readonly ref: string; readonly taskId: string }[]
  readonly tasks: readonly SeenTask[]
  readonly events: readonly SeenEvent[]
  readonly effects: readonly SeenEffect[]
  readonly witnesses: readonly SeenWitness[]
  readonly steps: readonly SeenStep[]
  /** Jobs that are left. */
  readonly jobs: number
}

/**
 * Judges a run by what was asked for and what is there, never by what a worker says of its success.
 * Returns a line for each promise that was not kept.
 */
export function findFaults(evidence: Evidence): string[] {
  const eventsOf = Map.groupBy(evidence.events, ({ taskId }) => taskId)
  const histories = evidence.tasks.flatMap((task) => {
    const events = eventsOf.get(task.id) ?? []
    return [...findWrongEnds(task, events, evidence), ...findStrayEvents(task, events)]
  })
  return [
    ...findLostAndFound(evidence),
    ...histories,
    ...findTwice(evidence),
    ...findTornEffects(evidence),
    ...(evidence.jobs > 0 ? [`${evidence.jobs} jobs are left`] : []),
  ]
}

/** What was acknowledged is there, what was rolled back is not, and nothing else is. */
function findLostAndFound({ acknowledged, undone, placed, tasks }: Evidence): string[] {
  const placedRefs = new Map(placed.map(({ ref, taskId }) => [ref, taskId]))
  const work = new Map(tasks.flatMap(({ id, work: of }) => (of ? [[of.ref, id] as const] : [])))
  const lost = [...acknowledged].flatMap(([ref, id]) =>
    placedRefs.get(ref) === id && work.get(ref) === id ? [] : [`${ref}: acknowledged, and lost`],
  )
  const found = undone.flatMap((ref) =>
    placedRefs.has(ref) || work.has(ref) ? [`${ref}: rolled back, and there`] : [],
  )
  const odd = [...placedRefs.keys(), ...work.keys()].flatMap((ref) =>
    acknowledged.has(ref) || undone.includes(ref) ? [] : [`${ref}: nobody asked for it`],
  )
  return [...lost, ...found, ...odd]
}

/** A task ends once, and once more for each time that it was given its tries again. */
function findWrongEnds(
  { id, state, lastSeq }: SeenTask,
  events: readonly SeenEvent[],
  { redrives }: Evidence,
): string[] {
  const wrong: string[] = []
  const ends = events.filter(({ type }) => isTaskEnd(type))
  const wanted = 1 + (redrives.get(id) ?? 0)
  if (!isTaskEnd(state)) wrong.push(`${id}: is ${state} in the end`)
  if (ends.length !== wanted) wrong.push(`${id}: ended ${ends.length} times instead of ${wanted}`)
  if (events.at(-1)?.type !== state) wrong.push(`${id}: is ${state}, its last event is not`)
  if (events.some(({ seq }, index) => seq !== index + 1) || events.length !== lastSeq) {
    wrong.push(`${id}: its events are not 1 to ${lastSeq}`)
  }
  for (const [index, { type }] of events.entries()) {
    const next = events[index + 1]
    if (isTaskEnd(type) && next && next.type !== 'queued') {
      wrong.push(`${id}: ${next.type} after its end`)
    }
  }
  return wrong
}

/** Each event is of the attempt that began last, and each attempt is later than those before. */
function findStrayEvents({ id }: SeenTask, events: readonly SeenEvent[]): string[] {
  const stray: string[] = []
  let current = 0
  for (const { type, attempt, seq, by = attempt } of events) {
    const isNew = type === 'started'
    if (isNew ? attempt <= current : attempt !== current) {
      stray.push(`${id}: event ${seq} (${type}) is of attempt ${attempt} during ${current}`)
    }
    if (by !== attempt)
      stray.push(`${id}: event ${seq} (${type}) of attempt ${attempt} is by ${by}`)
    if (isNew) current = attempt
  }
  return stray
}

/** No attempt has two handlers, no chunk two effects, and no step two. */
function findTwice({ witnesses, effects }: Evidence): string[] {
  const starts = witnesses.filter(({ what }) => what === 'start')
  const mails = witnesses.filter(({ what }) => what === 'mail')
  return [
    ...repeated(starts, ({ taskId, attempt }) => `${taskId}: handlers of attempt ${attempt}`),
    ...repeated(mails, ({ taskId }) => `${taskId}: mails`),
    ...repeated(effects, ({ taskId, chunk }) => `${taskId}: effects of chunk ${chunk}`),
  ]
}

function repeated<T>(all: readonly T[], nameOf: (one: T) => string): string[] {
  return [...Map.groupBy(all, nameOf)].flatMap(([name, those]) =>
    those.length > 1 ? [`${name}: ${those.length}`] : [],
  )
}

/** What a transaction has written is all there, or none of it. */
function findTornEffects({ tasks, effects, events, witnesses, steps }: Evidence): string[] {
  const key = (taskId: string, chunk: number, attempt: number) => `${taskId}/${chunk}/${attempt}`
  const told = events.flatMap(({ taskId, chunk, attempt }) =>
    chunk === undefined ? [] : [key(taskId, chunk, attempt)],
  )
  const done = effects.map(({ taskId, chunk, attempt }) => key(taskId, chunk, attempt))
  const asked = effects.flatMap(({ taskId, chunk }) => (chunk === 1 ? [`${taskId}/1`] : []))
  const children = tasks.flatMap(({ child }) => (child ? [`${child.parent}/${child.chunk}`] : []))
  const chunksOf = Map.groupBy(effects, ({ taskId }) => taskId)
  const unfinished = tasks.flatMap(({ id, state, work }) => {
    const chunks = chunksOf.get(id)?.length ?? 0
    return work && state === 'succeeded' && chunks !== work.chunks
      ? [`${id}: succeeded with ${chunks} of ${work.chunks} chunks`]
      : []
  })
  const mailed = new Set(witnesses.flatMap(({ what, taskId }) => (what === 'mail' ? [taskId] : [])))
  const claimed = steps.flatMap(({ taskId, state }) => (state === 'done' ? [taskId] : []))
  return [
    ...without(done, told).map((one) => `${one}: done, and not told`),
    ...without(told, done).map((one) => `${one}: told, and not done`),
    ...without(asked, children).map((one) => `${one}: asked for a child that is not there`),
    ...without(children, asked).map((one) => `${one}: a child that nobody has asked for`),
    ...repeated(children, (one) => `${one}: children`),
    ...unfinished,
    ...claimed.filter((id) => !mailed.has(id)).map((id) => `${id}: a mail that nobody has sent`),
  ]
}

function without(all: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others)
  return all.filter((one) => !known.has(one))
}
