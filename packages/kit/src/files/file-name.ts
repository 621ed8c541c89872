import { badInput } from '../platform/bad-input.ts'

/** In UTF-16 units. */
const MAX_LENGTH = 255

/** Control characters, which no name needs and a header cannot have. */
const CONTROL = /\p{Cc}/u

/**
 * The name of a file, composed (NFC). It is for people: it may have slashes and dots, and is never used
 * as a path. Throws `BAD_INPUT` for what is none.
 */
export function checkFileName(text: string): string {
  const name = text.normalize()
  const isName =
    name.length >= 1 && name.length <= MAX_LENGTH && name.isWellFormed() && !CONTROL.test(name)
  if (isName) return name
  const message = `A name has 1 to ${MAX_LENGTH} characters, and no control characters.`
  throw badInput([{ path: ['name'], code: 'bad_name', message }])
}
