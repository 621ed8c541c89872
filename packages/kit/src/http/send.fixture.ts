import { request, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'

export interface SentRequest {
  readonly method?: string
  /** Any of them, `Host` and `Origin` included, which `fetch` sets by itself. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface SentAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Sends exactly these headers. */
export function send(url: string, { body, ...options }: SentRequest = {}): Promise<SentAnswer> {
  return new Promise((resolve, reject) => {
    request(url, { ...options, agent: false }, (response) => {
      const { statusCode: status = 0, headers } = response
      text(response).then((content) => resolve({ status, headers, text: content }), reject)
    })
      .on('error', reject)
      .end(body)
  })
}
