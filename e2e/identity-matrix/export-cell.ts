import { z } from 'zod'

import type { Identity } from './identities.ts'
import { fromNewAddress, type Person } from './people.ts'
import type { World } from './world.ts'

const Row = z.object({ id: z.uuid() })

/** What one identity gets who asks for all of their items as a file. */
export async function visitExport(world: World, { account, headers }: Identity) {
  const caller = world.people[account]
  const response = await fetch(`${world.url}/exports/items?format=ndjson`, {
    headers: { ...headers(caller, world.forger), ...fromNewAddress() },
  })
  const { status } = response
  const text = await response.text()
  const others = world.everybody.filter((person) => person !== caller)
  return {
    status,
    refused: text.includes('"reason":"UNAUTHENTICATED"'),
    ids: status === 200 ? idsIn(text) : new Set<string>(),
    /** Strings that stand in rows of somebody else. */
    leaked: others.flatMap(({ marks }) =>
      Object.values(marks).filter((mark) => text.includes(mark)),
    ),
  }
}

function idsIn(text: string): Set<string> {
  const lines = text.split('\n').slice(0, -1)
  return new Set(lines.map((line) => Row.parse(JSON.parse(line)).id))
}

/** What they are to get, by what they are. */
export function exportFor({ is }: Identity, { itemIds }: Person) {
  const isNobody = is === 'nobody'
  const ownsNone = isNobody || is === 'a user elsewhere'
  const ids = new Set<string>(ownsNone ? [] : itemIds)
  return { status: isNobody ? 401 : 200, refused: isNobody, ids, leaked: [] }
}
