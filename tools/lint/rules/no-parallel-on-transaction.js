import {
  calleeName,
  isFunction,
  memberName,
  nodesOf,
  propertyOf,
  valueOf,
  variableOf,
} from '../ast.js'

/** @typedef {import('../ast.js').Node} Node */

const combinators = new Set(['all', 'allSettled', 'race', 'any'])
const transactionNames = new Set(['trx', 'tx', 'transaction'])

const message =
  'A transaction is one connection: its queries cannot run in parallel, and the first failure rolls back while the others are still under way. Await them one after another, or write one statement.'

/**
 * `run` of `mutation({ … })`, unless the policy says `transaction: 'none'`.
 * @param {Node} fn
 */
function isMutationRun(fn) {
  const property = fn.parent
  const object = property?.parent
  const call = object?.parent
  if (property?.type !== 'Property' || property.key.name !== 'run') return false
  if (call?.type !== 'CallExpression' || calleeName(call.callee) !== 'mutation') return false
  return propertyOf(propertyOf(object, 'policy'), 'transaction')?.value !== 'none'
}

/**
 * `ctx.transaction(fn)` and Kysely's `db.transaction().execute(fn)`.
 * @param {Node} fn
 */
function isTransactionBody(fn) {
  const call = fn.parent
  if (call?.type !== 'CallExpression' || !call.arguments.includes(fn)) return false
  const name = calleeName(call.callee)
  if (name === 'transaction') return true
  if (name !== 'execute') return false
  for (let at = call.callee.object; at; at = at.callee?.object) {
    if (at.type === 'CallExpression' && calleeName(at.callee) === 'transaction') return true
  }
  return false
}

/** @param {Node} node */
function isInTransaction(node) {
  for (let at = node.parent; at; at = at.parent) {
    if (isFunction(at) && (isTransactionBody(at) || isMutationRun(at))) return true
  }
  return false
}

/**
 * An identifier that only names a member or a key: `a.tx`, `{ tx: 1 }`.
 * @param {Node} node
 */
function isOnlyAName(node) {
  const { parent } = node
  if (parent?.type === 'MemberExpression') return !parent.computed && parent.property === node
  if (parent?.type !== 'Property') return false
  return !parent.computed && !parent.shorthand && parent.key === node
}

/**
 * Sees, in the array given to `Promise.all`, `allSettled`, `race` or `any` (a literal, a `.map(…)`, or
 * a `const` of this file): a variable or member named trx, tx or transaction; the parameter of a
 * transaction's function under any name; `ctx.db` inside `ctx.transaction(…)` or `mutation({ run })`.
 * A transaction that is opened inside the array is its own connection and passes.
 * Does not see: an array filled by `push`, `ctx` handed on whole, `const { db } = ctx`, a function of
 * another file that runs in a transaction, promises started first and awaited later.
 */
export const noParallelOnTransaction = {
  meta: { type: 'problem', docs: { description: 'no parallel queries on a transaction' } },
  create(/** @type {any} */ context) {
    const { sourceCode } = context
    /** Whether a name is a transaction that was opened outside of `work`. */
    const isOuterTransaction = (/** @type {Node} */ node, /** @type {Node} */ work) => {
      const definition = variableOf(sourceCode, node)?.defs[0]
      const at = definition?.name.range[0]
      if (at >= work.range[0] && at < work.range[1]) return false
      const opened = definition?.type === 'Parameter' && isTransactionBody(definition.node)
      return opened || transactionNames.has(node.name)
    }
    const usesTransaction = (/** @type {Node} */ work, /** @type {boolean} */ inTransaction) => {
      for (const node of nodesOf(work)) {
        const name = memberName(node)
        if (name === 'db' && node.object.name === 'ctx' && inTransaction) return true
        if (name === 'transaction' && inTransaction) return true
        if ((name === 'trx' || name === 'tx') && node.object.type !== 'CallExpression') return true
        if (node.type !== 'Identifier' || isOnlyAName(node)) continue
        if (isOuterTransaction(node, work)) return true
      }
      return false
    }
    return {
      CallExpression(/** @type {Node} */ node) {
        const { callee } = node
        if (callee.object?.name !== 'Promise' || !combinators.has(memberName(callee) ?? '')) return
        const work = valueOf(sourceCode, node.arguments[0])
        if (work && usesTransaction(work, isInTransaction(node))) context.report({ node, message })
      },
    }
  },
}
