/** What leads to another folder, or means something to some file system. */
const RESERVED = /[\\/:*?"<>|]/g

/** What turns the direction of text, so that a name looks like another. */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * `Content-Disposition` of a file that is to be kept under its name, and never to be shown (RFC 6266).
 * Of the name stays what is harmless as the name of a file wherever that may be.
 */
export function attachment(name: string): string {
  const safe = harmless(name)
  // Some browsers decode percent signs in the plain one.
  const plain = safe.replaceAll(/[^\x20-\x7e]|%/gu, '_')
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded(safe)}`
}

function harmless(name: string): string {
  const safe = name.replaceAll(RESERVED, '_').replaceAll(DIRECTIONS, '_')
  return /^[. ]*$/.test(safe) ? 'file' : safe
}

/** RFC 8187, 3.2: `encodeURIComponent` leaves four characters that must not stay. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
