import type { HttpConfig } from './listener.ts'

/** What a test server says about HTTP, and otherwise what this test is about. */
export function httpConfig(otherwise: Partial<HttpConfig>): HttpConfig {
  return {
    hosts: undefined,
    corsOrigins: [],
    corsCredentials: false,
    hsts: false,
    trustedProxies: [],
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    ...otherwise,
  }
}
