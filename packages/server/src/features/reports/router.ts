import { mutation } from '@tautline/kit'

import { ownerOf } from '../../owner.ts'
import { AcceptedReport, ComputeInput } from './schema.ts'
import { computeTask } from './tasks.ts'

const compute = mutation({
  summary:
    'Makes a report of your items: into which bands their prices, or values, fall by themselves.',
  input: ComputeInput,
  output: AcceptedReport,
  policy: { allow: 'user', limit: 'writes', priority: 'sheddable', idempotent: 'optional' },
  async run({ ctx, input }) {
    const owner = ownerOf(ctx.principal)
    const { id: taskId } = await ctx.enqueue(computeTask, { ...input, owner })
    return { taskId }
  },
})

export const reportsRouter = { compute }
