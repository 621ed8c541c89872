import { commonErrors, Failure, wire } from '@tautline/shared'

import type { StoredFile } from '../file-types.ts'
import { UPLOAD_INCOMPLETE } from '../files/errors.ts'
import { keepAtLast } from '../files/keep.ts'
import { identityOf } from '../rpc/handler-context.ts'
import { checkOrigin } from '../rpc/origin-gate.ts'
import type { RawCall } from '../rpc/raw-call.ts'
import { FILES_PATH } from './definition.ts'
import type { FileRequest, TransferParts } from './transfer.ts'
import { uploadBody } from './upload-body.ts'
import { readWantedUpload } from './wanted-upload.ts'

/** `POST /files?name=…`: the file is the body. The answer is the file as `files.get` tells it. */
export async function upload(
  http: FileRequest,
  call: RawCall,
  { files, policy, gates, sent }: TransferParts,
): Promise<void> {
  const { request, response, url } = http
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST')
    throw new Failure(commonErrors.METHOD_NOT_SUPPORTED)
  }
  checkOrigin(request.headers, http.origins)
  await gates.admit()
  const { name, expectedBytes, key } = readWantedUpload(url, request)
  const principal = gates.caller()
  const owner = identityOf(principal)

  async function* source() {
    const { signal } = call.scope
    const onStall = () => call.giveUp(new Failure(UPLOAD_INCOMPLETE))
    for await (const chunk of uploadBody(request, { ...policy, signal, onStall })) {
      sent.bytes += chunk.length
      yield chunk
    }
    // What they send may have taken hours: a file must not be made for somebody who is deleted.
    await keepAtLast(() => gates.readmit(), signal)
  }

  await gates.place(owner, async () => {
    http.takeTime()
    const { signal } = call.scope
    const file = await files.create(owner, { name, source: source(), expectedBytes, key, signal })
    tell(http, file)
  })
}

/** In the envelope that a procedure answers in. */
function tell({ response }: FileRequest, file: StoredFile): void {
  response.statusCode = 201
  response.setHeader('location', `${FILES_PATH}/${file.id}`)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ result: { data: wire.output.serialize(file) } }))
}
