import { wire } from '@tautline/shared'

/** One attempt, as the proxy in front of the server passes it on. */
export interface Login {
  readonly email: string
  readonly password: string
  readonly address: string
}

/** Sends one login, and nothing again. Resolves to `OK` or the reason of the refusal. */
export async function sendLogin(url: string, { email, password, address }: Login): Promise<string> {
  const response = await fetch(`${url}/rpc/auth.login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify(wire.input.serialize({ email, password })),
  })
  const text = await response.text()
  if (response.ok) return 'OK'
  return /"reason":"(\w+)"/.exec(text)?.[1] ?? `HTTP ${response.status}`
}
