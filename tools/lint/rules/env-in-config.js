import { memberName } from '../ast.js'
import { envReaders } from '../ladder.js'
import { matches, repoPath } from '../paths.js'

/** @typedef {import('../ast.js').Node} Node */

const message =
  'Only config.ts reads the environment, so that every setting is validated once and listed in one place. Add the setting to its schema and take the value as an argument.'

/** @param {Node} node */
function isProcess(node) {
  return node?.name === 'process' || memberName(node) === 'process'
}

/** @param {Node} node */
function namesEnv({ properties = [], specifiers = [] }) {
  return [...properties, ...specifiers].some(
    (part) => part.key?.name === 'env' || part.imported?.name === 'env',
  )
}

/** Sees `process.env`, `process['env']`, `const { env } = process` and `import { env } from 'node:process'`. */
export const envInConfig = {
  meta: { type: 'problem', docs: { description: 'process.env is read in config.ts only' } },
  create(/** @type {any} */ context) {
    const path = repoPath(context.physicalFilename)
    if (!path?.startsWith('packages/') || matches(path, envReaders)) return {}
    return {
      MemberExpression(/** @type {Node} */ node) {
        if (memberName(node) === 'env' && isProcess(node.object)) context.report({ node, message })
      },
      VariableDeclarator(/** @type {Node} */ node) {
        if (isProcess(node.init) && namesEnv(node.id)) context.report({ node, message })
      },
      ImportDeclaration(/** @type {Node} */ node) {
        if (/^(node:)?process$/.test(node.source.value) && namesEnv(node)) {
          context.report({ node, message })
        }
      },
    }
  },
}
