import { locate, refusal } from '../ladder-check.js'
import { repoPath } from '../paths.js'

/** @typedef {import('../ast.js').Node} Node */

/**
 * `import type …`, and `import { type A, type B } …`.
 * @param {Node} node
 */
function isTypeOnly(node) {
  if (node.importKind === 'type' || node.exportKind === 'type') return true
  const names = node.specifiers ?? []
  return (
    names.length > 0 &&
    names.every((/** @type {Node} */ name) => (name.importKind ?? name.exportKind) === 'type')
  )
}

/**
 * Imports run down only; the ladder itself is the table in `../ladder.js`.
 * Sees: import, export from, import('…'), require('…'), import types, `import x = require('…')`.
 * Does not see: a computed specifier, `new URL('./x.ts', import.meta.url)`, `vi.mock('…')`.
 */
export const importLadder = {
  meta: { type: 'problem', docs: { description: 'imports run down, never up and never sideways' } },
  create(/** @type {any} */ context) {
    const path = repoPath(context.physicalFilename)
    if (path === undefined) return {}
    const from = locate(path)
    const check = (/** @type {Node} */ node, /** @type {Node} */ source, typeOnly = false) => {
      if (typeof source?.value !== 'string') return
      const message = refusal(from, source.value, typeOnly)
      if (message) context.report({ node, message })
    }
    return {
      Program(/** @type {Node} */ node) {
        if (from.area?.rungs && from.inSrc && !from.place && !from.test) {
          const message = `${path} stands on no rung. Move it to a folder of tools/lint/ladder.js, or name its rung there.`
          context.report({ node, message })
        }
      },
      ImportDeclaration: (/** @type {Node} */ node) => check(node, node.source, isTypeOnly(node)),
      ExportNamedDeclaration: (/** @type {Node} */ node) =>
        check(node, node.source, isTypeOnly(node)),
      ExportAllDeclaration: (/** @type {Node} */ node) =>
        check(node, node.source, isTypeOnly(node)),
      ImportExpression: (/** @type {Node} */ node) => check(node, node.source),
      TSImportType: (/** @type {Node} */ node) =>
        check(node, node.source ?? node.argument?.literal, true),
      TSExternalModuleReference: (/** @type {Node} */ node) => check(node, node.expression),
      CallExpression(/** @type {Node} */ node) {
        if (node.callee.name === 'require') check(node, node.arguments[0])
      },
    }
  },
}
