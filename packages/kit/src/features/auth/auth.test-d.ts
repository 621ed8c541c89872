import { describe, expectTypeOf, test } from 'vitest'

import { auth } from './auth.ts'

const send = async () => {}

describe('the router of auth', () => {
  test('has what its options say, and no more', () => {
    type Plain = keyof ReturnType<typeof auth>['router']
    expectTypeOf<'login' | 'refresh' | 'me'>().toExtend<Plain>()
    expectTypeOf<'signInWithCookie'>().not.toExtend<Plain>()
    expectTypeOf<'resetPassword'>().not.toExtend<Plain>()

    const withCookies = auth({ cookies: {} }).router
    expectTypeOf<'login' | 'signInWithCookie'>().toExtend<keyof typeof withCookies>()
    expectTypeOf<'resetPassword'>().not.toExtend<keyof typeof withCookies>()

    const withBoth = auth({ cookies: { sameSite: 'none' }, sendPasswordReset: send }).router
    expectTypeOf<'signOutCookie' | 'resetPassword'>().toExtend<keyof typeof withBoth>()
  })

  test('takes no site that browsers do not know', () => {
    // @ts-expect-error TS2322 -- it would be read as the strictest, or not at all
    auth({ cookies: { sameSite: 'Lax' } })
  })
})
