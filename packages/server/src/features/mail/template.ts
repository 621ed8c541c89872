/** Values by the names that stand in a template. */
export type Variables = Readonly<Record<string, string>>

/** A mail that has a place for each variable. */
export interface Template {
  readonly subject: string
  readonly text: string
  readonly html?: string | undefined
}

const PLACEHOLDER = /\{\{\s*([a-zA-Z]\w*)\s*\}\}/g

/** Stands for a place where braces are looked for. */
const PLACE = '\u{10FFFF}'

const STRAY = /\{\{|\}\}|\{\u{10FFFF}|\u{10FFFF}\}/u

/** Names of the variables that a template has places for. */
export function namesIn({ subject, text, html = '' }: Template): ReadonlySet<string> {
  const all = [subject, text, html].flatMap((part) => [...part.matchAll(PLACEHOLDER)])
  return new Set(all.map(([, name = '']) => name))
}

/** Whether all double braces are places: others were meant to be one, and would be sent as they stand. */
export function isWellFormed({ subject, text, html = '' }: Template): boolean {
  return [subject, text, html].every((part) => !STRAY.test(part.replace(PLACEHOLDER, PLACE)))
}

/** Puts the values into their places; in HTML they are text, whatever they say. */
export function fill({ subject, text, html }: Template, variables: Variables) {
  const put = (part: string, write: (value: string) => string) =>
    part.replace(PLACEHOLDER, (_, name: string) => write(valueOf(variables, name)))
  const asIs = (value: string) => value
  return {
    subject: put(subject, asIs),
    text: put(text, asIs),
    ...(html !== undefined && { html: put(html, escapeHtml) }),
  }
}

function valueOf(variables: Variables, name: string): string {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined
  if (value === undefined)
    throw new Error(`The template has a place for ${name}, which is missing.`)
  return value
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Good between tags, and in an attribute within quotes. */
function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
