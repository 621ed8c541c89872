import { parseRetryAfter } from '@tautline/shared'

import { LinkError } from './link-error.ts'

type Fetch = typeof globalThis.fetch

/**
 * `fetch`, with failures that tell whether the connection or the answer was at fault. The links
 * describe their requests by types of their own, which are narrower than `fetch` takes.
 */
export function tellingFetch(own: Fetch | undefined, credentials: RequestCredentials | undefined) {
  const always = credentials && { credentials }
  return async (url: string | URL | Request, init?: object) => {
    const response = await (own ?? globalThis.fetch)(url, { ...init, ...always }).catch(
      (cause: unknown) => {
        throw new LinkError('connection', { cause })
      },
    )
    const { ok, status, headers } = response
    const retryAfterMs = parseRetryAfter(headers.get('retry-after'), Date.now())
    return {
      ok,
      status,
      retryAfterMs,
      body: response.body,
      async json(): Promise<unknown> {
        try {
          return await response.json()
        } catch (cause) {
          const stage = cause instanceof SyntaxError ? 'answer' : 'connection'
          throw new LinkError(stage, { cause, status, retryAfterMs })
        }
      },
    }
  }
}
