import { calleeName } from '../ast.js'

/** @typedef {import('../ast.js').Node} Node */

/**
 * A synchronous call stops every request of the process while it runs. Sees calls by name, so a
 * function of ours that ends in `Sync` counts too; a function passed on uncalled is not seen.
 */
export const noSyncCalls = {
  meta: { type: 'problem', docs: { description: 'no blocking calls' } },
  create(/** @type {any} */ context) {
    return {
      CallExpression(/** @type {Node} */ node) {
        const name = calleeName(node.callee) ?? ''
        if (!/[a-z0-9]Sync$/.test(name)) return
        const message = `${name} blocks every request of this process while it runs. Await the asynchronous twin.`
        context.report({ node, message })
      },
    }
  },
}
