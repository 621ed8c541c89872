/** A cookie as an answer sets it: what stands before the attributes, and the attributes. */
export interface SetCookie {
  readonly name: string
  readonly value: string
  readonly attributes: readonly string[]
}

export function cookiesOf(answer: Response): SetCookie[] {
  return answer.headers.getSetCookie().map((header) => {
    const [pair = '', ...attributes] = header.split('; ')
    const [name = '', value = ''] = pair.split('=')
    return { name, value, attributes }
  })
}

/** `fetch` of a page of `origin`, which keeps the cookies that it is given. */
export function createBrowser(origin: string) {
  const jar = new Map<string, string>()
  return {
    jar,
    async fetch(this: void, url: string | URL | Request, init: RequestInit = {}) {
      const headers = new Headers(init.headers)
      if (jar.size > 0) headers.set('cookie', [...jar].map((pair) => pair.join('=')).join('; '))
      if (init.method === 'POST') headers.set('origin', origin)
      const answer = await fetch(url, { ...init, headers })
      for (const { name, value, attributes } of cookiesOf(answer)) {
        if (attributes.includes('Max-Age=0')) jar.delete(name)
        else jar.set(name, value)
      }
      return answer
    },
  }
}
