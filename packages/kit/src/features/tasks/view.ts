import type { z } from 'zod'

import { fromText } from '../../tasks/wire-text.ts'
import type { findTask, listEvents, listTasks } from './queries.ts'
import type { TaskEvent, TaskSummary, TaskView } from './schema.ts'

type TaskRow = NonNullable<Awaited<ReturnType<typeof findTask>>>
type SummaryRow = Awaited<ReturnType<typeof listTasks>>[number]
type EventRow = Awaited<ReturnType<typeof listEvents>>[number]

export function toSummary(row: Omit<SummaryRow, 'position'>): z.input<typeof TaskSummary> {
  const { progress_current, progress_total, progress_message, ...rest } = row
  return {
    ...rest,
    progress:
      progress_current === null
        ? null
        : { current: progress_current, total: progress_total, message: progress_message },
  }
}

export function toView({ output, ...row }: TaskRow): z.input<typeof TaskView> {
  return { ...toSummary(row), output: output === null ? null : fromText(output) }
}

export function toEvent({ data, ...row }: EventRow): z.input<typeof TaskEvent> {
  return { ...row, data: fromText(data) }
}
