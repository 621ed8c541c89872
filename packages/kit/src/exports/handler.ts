import { within } from '../platform/call-scope.ts'
import { createRequestAnswer, type RequestAnswer } from '../rpc/answer-headers.ts'
import { identityOf } from '../rpc/handler-context.ts'
import { charge } from '../rpc/limit.ts'
import { limitsOf } from '../rpc/plans.ts'
import type { RawRequest } from '../rpc/raw-call.ts'
import { tellRaw, type RawOptions } from '../rpc/raw-gates.ts'
import { admit } from './admit.ts'
import { openAnswer } from './answer.ts'
import { startExportCall, type ExportCall } from './call.ts'
import { pathOf, type ExportDefinition, type Exports } from './definition.ts'
import { formatOf } from './formats.ts'
import { createPlaces, type Places } from './places.ts'
import { sendRows } from './send-rows.ts'
import { createWantedReader } from './wanted.ts'

/** Never rejects: what fails is told to the reader, or breaks off what they read. */
export type ExportHandler = (http: RawRequest) => Promise<void>

/** What serves each export, by its path. */
export function createExportHandlers(
  exports: Exports,
  options: RawOptions,
): Readonly<Record<string, ExportHandler>> {
  const places = createPlaces(options.resources.metrics)
  return Object.fromEntries(
    Object.entries(exports).map(([name, definition]) => [
      pathOf(name),
      createExportHandler({ name, definition, places }, options),
    ]),
  )
}

interface Served {
  readonly name: string
  readonly definition: ExportDefinition
  readonly places: Places
}

/** The fixed order of an export: observe → gates → parse what is wanted → place → limits → rows. */
function createExportHandler(
  { name, definition, places }: Served,
  options: RawOptions,
): ExportHandler {
  const { resources, mechanisms } = options
  const { policy, columns } = definition
  const limits = limitsOf(`exports.${name}`, policy, mechanisms.limits)
  const readWanted = createWantedReader(definition)

  async function serve(http: RawRequest, call: ExportCall, answer: RequestAnswer) {
    await admit({ http, call, policy }, options)
    const { format, after } = readWanted(http.url)
    call.sent.format = format
    const { contentType, ...lines } = formatOf(format, columns, after === undefined)
    const open = () => {
      const day = resources.clock.now().toISOString().slice(0, 10)
      const fileName = `${name}-${day}.${format}`
      return openAnswer({ http, call, policy, contentType, fileName, headers: answer.headers() })
    }
    const caller = call.principal ? identityOf(call.principal) : call.address
    const wanted = { definition, lines, after }
    await places.open(caller, async () => {
      await charge({ address: http.address, answer, mechanisms, call, plan: { limits } }, 1)
      await sendRows(wanted, { db: resources.db, call, places, open })
    })
  }

  return async (http) => {
    const call = startExportCall(pathOf(name), http, resources)
    const answer = createRequestAnswer()
    await within(call.scope, async () => {
      try {
        await serve(http, call, answer)
        call.finish()
      } catch (error) {
        tellRaw(call.fail(error), http, answer)
      }
    })
  }
}
