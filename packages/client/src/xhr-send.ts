import type { Send } from './files-call.ts'

/** Statuses with which a `Response` refuses any body, also an empty one. */
const WITHOUT_BODY = new Set([204, 205, 304])

/** Whether this is a page, where nothing but `XMLHttpRequest` tells how much of a body has left. */
export function hasUploadProgress(): boolean {
  return typeof XMLHttpRequest !== 'undefined'
}

/** Sends a body as `fetch` would, and tells how much of it has left. */
export function sendByXhr(report: (bytes: number) => void): Send {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const { method = 'GET', headers, body, signal, credentials } = init
      const xhr = new XMLHttpRequest()
      const abort = () => xhr.abort()
      xhr.open(method, url)
      xhr.responseType = 'text'
      xhr.withCredentials = credentials === 'include'
      new Headers(headers).forEach((value, name) => xhr.setRequestHeader(name, value))
      xhr.upload.onprogress = ({ loaded }) => report(loaded)
      xhr.onload = () => {
        try {
          resolve(responseOf(xhr))
        } catch (cause) {
          reject(new TypeError('The answer is none.', { cause }))
        }
      }
      xhr.onerror = () => reject(new TypeError('The request failed.'))
      xhr.onabort = () => reject(signal?.reason ?? new TypeError('The request was aborted.'))
      xhr.onloadend = () => signal?.removeEventListener('abort', abort)
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted) abort()
      // oxlint-disable-next-line typescript/consistent-type-assertions -- uploads send nothing else
      xhr.send(body as Blob)
    })
}

function responseOf(xhr: XMLHttpRequest): Response {
  const headers = new Headers()
  for (const line of xhr.getAllResponseHeaders().split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const body = WITHOUT_BODY.has(xhr.status) ? null : xhr.responseText
  return new Response(body, { status: xhr.status, headers })
}
