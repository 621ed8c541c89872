import { TRPCError } from '@trpc/server'
import { getHTTPStatusCodeFromError } from '@trpc/server/http'
import { expect, test } from 'vitest'

import { commonErrors } from './common-errors.ts'
import { httpStatusOf, type ErrorCode } from './error-codes.ts'

test('every code has the HTTP status that tRPC gives it', () => {
  for (const [code, status] of Object.entries(httpStatusOf)) {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- Object.entries forgets keys
    const error = new TRPCError({ code: code as ErrorCode })
    expect([code, getHTTPStatusCodeFromError(error)]).toEqual([code, status])
  }
})

test('every common reason is found under its own name', () => {
  for (const [name, definition] of Object.entries(commonErrors)) {
    expect(definition.reason).toBe(name)
    expect(definition.message).toMatch(/\.$/)
  }
})
