const QUERY = 0x51
const PARSE = 0x50

/**
 * Reads what a client sends to Postgres (PostgreSQL protocol 3.0, "Message Formats"), chunk by
 * chunk, and gives the text of every statement in it. Asks for nothing before the startup message.
 */
export function readStatements(): (chunk: Buffer) => string[] {
  let rest: Buffer = Buffer.alloc(0)
  let started = false

  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const statements: string[] = []
    for (;;) {
      // The startup message has no type; every other begins with one byte of it.
      const head = started ? 1 : 0
      if (rest.length < head + 4) return statements
      const end = head + rest.readInt32BE(head)
      if (rest.length < end) return statements
      const body = rest.subarray(head + 4, end)
      if (started && rest[0] === QUERY) statements.push(textAt(body, 0))
      if (started && rest[0] === PARSE) statements.push(textAt(body, body.indexOf(0) + 1))
      started = true
      rest = rest.subarray(end)
    }
  }
}

function textAt(body: Buffer, start: number): string {
  return body.toString('utf8', start, body.indexOf(0, start))
}
