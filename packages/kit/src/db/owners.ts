import { sql, type RawBuilder } from 'kysely'

/** One owner, as `identityOf` writes a principal, or a user of this backend's own in every tenant. */
export type Owners = string | { readonly userId: string }

/** Whether the column `owner` is one of them. The index for a user in every tenant is on `reverse(owner)`. */
export function isOneOf(owners: Owners): RawBuilder<boolean> {
  if (typeof owners === 'string') return sql<boolean>`owner = ${owners}`
  // The user comes last, and no quote inside JSON text stands behind a comma: it is escaped.
  const end = Array.from(`,${JSON.stringify(owners.userId)}]`)
    .reverse()
    .join('')
  const pattern = `${end.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return sql<boolean>`owner like '[null,%' and reverse(owner) like ${pattern}`
}
