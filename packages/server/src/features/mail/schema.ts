import { z } from 'zod'

import { Address } from './address.ts'
import { isWellFormed, namesIn } from './template.ts'

/** Recipients of one call. */
const MAX_RECIPIENTS = 1_000

/** So many mistakes are told of one call. */
const MAX_TOLD = 10

/** A header is one line. */
const isOneLine = (text: string) => !/\p{Cc}/u.test(text)

const TemplateInput = z
  .strictObject({
    subject: z.string().min(1).max(200).refine(isOneLine, 'A subject is one line.'),
    text: z.string().min(1).max(50_000),
    /** The same in HTML. The variables are text in it, whatever they say. */
    html: z.string().min(1).max(100_000).optional(),
  })
  .refine(isWellFormed, 'A place for a variable is {{name}}.')

const Recipient = z.strictObject({
  to: Address,
  /** By the names that stand in the template as {{name}}. */
  variables: z.record(z.string().regex(/^[a-zA-Z]\w{0,39}$/), z.string().max(1_000)).default({}),
})

interface Mistake {
  readonly path: (string | number)[]
  readonly message: string
}

type Bulk = z.output<typeof Wanted>

const Wanted = z.strictObject({
  template: TemplateInput,
  recipients: z.array(Recipient).min(1).max(MAX_RECIPIENTS),
})

/** All of it is 256 KB at most. */
export const SendBulkInput = Wanted.superRefine((bulk, context) => {
  for (const mistake of mistakesOf(bulk).slice(0, MAX_TOLD)) {
    context.addIssue({ code: 'custom', ...mistake })
  }
})

function mistakesOf({ template, recipients }: Bulk): Mistake[] {
  const names = [...namesIn(template)]
  const subjects = namesIn({ subject: template.subject, text: '' })
  const seen = new Set<string>()
  return recipients.flatMap(({ to, variables }, index) => {
    const at = ['recipients', index]
    const isSeen = seen.has(to.toLowerCase())
    seen.add(to.toLowerCase())
    return [
      ...(isSeen ? [{ path: [...at, 'to'], message: 'Nobody is a recipient twice.' }] : []),
      ...names
        .filter((name) => !Object.hasOwn(variables, name))
        .map((name) => ({ path: [...at, 'variables', name], message: 'The template needs it.' })),
      ...[...subjects]
        .filter((name) => !isOneLine(variables[name] ?? ''))
        .map((name) => ({ path: [...at, 'variables', name], message: 'A subject is one line.' })),
    ]
  })
}

export const AcceptedBulk = z.object({ taskId: z.string() })

/** What has become of all recipients together. */
export const BulkOutcome = z.object({
  /** The mail server has taken these. */
  done: z.int(),
  /** It will not take these, or has put them off too often. */
  failed: z.int(),
  /** It was given these, and nobody heard what it said: they are not sent again. */
  unknown: z.int(),
  /**
   * The file that says it of each: one JSON object a line. Null where the caller has no room for it.
   */
  reportFileId: z.string().nullable(),
})

export const WelcomeInput = z.strictObject({ userId: z.string() })

export const WelcomeOutcome = z.object({
  /** `gone`: there is no such user any more. */
  outcome: z.enum(['done', 'failed', 'unknown', 'gone']),
})
