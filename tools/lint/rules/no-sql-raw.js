import { memberName, variableOf } from '../ast.js'
import { isMigration, repoPath } from '../paths.js'

/** @typedef {import('../ast.js').Node} Node */

const unsafe = new Set(['raw', 'lit', 'literal'])
const message =
  'This puts text into SQL unescaped. Pass values as sql`… ${value}`, names as sql.ref, sql.table or sql.id, and pick between whole fragments for the rest.'

/**
 * Sees `sql.raw`, `sql.lit` and `sql.literal`, called or only named, also under another import name.
 * Does not see a `sql` that was passed through a variable.
 */
export const noSqlRaw = {
  meta: { type: 'problem', docs: { description: 'no unescaped text in SQL' } },
  create(/** @type {any} */ context) {
    if (isMigration(repoPath(context.physicalFilename) ?? '')) return {}
    const isSql = (/** @type {Node} */ node) => {
      if (node?.type !== 'Identifier') return false
      const source = variableOf(context.sourceCode, node)?.defs[0]?.node
      return node.name === 'sql' || source?.imported?.name === 'sql'
    }
    return {
      MemberExpression(/** @type {Node} */ node) {
        if (unsafe.has(memberName(node) ?? '') && isSql(node.object)) {
          context.report({ node, message })
        }
      },
      VariableDeclarator(/** @type {Node} */ node) {
        const names = node.id.type === 'ObjectPattern' ? node.id.properties : []
        const taken = names.some((/** @type {Node} */ { key }) => unsafe.has(key?.name))
        if (taken && isSql(node.init)) context.report({ node, message })
      },
    }
  },
}
