import type { Db } from '@tautline/kit'

/** Where a user is to be written to; nothing for one who is gone. */
export function findRecipient(db: Db, userId: string) {
  return db.selectFrom('tautline.user').select('email').where('id', '=', userId).executeTakeFirst()
}
