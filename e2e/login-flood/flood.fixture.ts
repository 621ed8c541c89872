import { sendLogin } from './login.ts'
import { countOutcomes, startSteadyCalls } from './steady-calls.ts'

/** From so few addresses all of it comes. */
const ADDRESSES = 4

/** A server that is slower than the flood keeps so many connections busy, and not ever more. */
const CONNECTIONS = 50

/*
 * Floods the server at the URL in the first argument with logins, as many a second as the second
 * says, each for another account that nobody has. Tells its parent what answers it got so far, when
 * that asks, and at the end, when that says so.
 */
const [, , url = '', perSecond = ''] = process.argv
const flood = startSteadyCalls({ perSecond: Number(perSecond), mostAtOnce: CONNECTIONS }, (n) =>
  sendLogin(url, {
    email: `nobody-${n}@example.com`,
    password: 'wrong password',
    address: `192.0.2.${n % ADDRESSES}`,
  }),
)

process.once('disconnect', () => process.exit(0))
process.on('message', (message) => {
  const tell = () => process.send?.(countOutcomes(flood.ended))
  if (message === 'stop') flood.stop().then(tell, () => process.exit(1))
  else tell()
})
