import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './queries.ts'

const id = '00000000-0000-0000-0000-000000000001'
const email = 'anna@example.com'

export const samples = samplesOf(queries, {
  insertUser: [{ email, name: 'Anna', password_hash: 'none' }],
  findUser: [id],
  findCredentials: { 'by address': [{ email }], 'by id': [{ id }] },
  holdPassword: [{ id, passwordHash: 'none' }],
  updatePassword: {
    'whatever it was': [id, { next: 'new' }],
    'if it is the known one': [id, { next: 'new', known: 'none' }],
  },
  addRole: [email, 'admin'],
  removeRole: [email, 'admin'],
})
