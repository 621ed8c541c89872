import { calleeName, propertyOf, valueOf } from '../ast.js'
import { isMigration, repoPath } from '../paths.js'

/** @typedef {import('../ast.js').Node} Node */

const message =
  'Name the columns. A column added later would travel to every reader, into logs and over the wire, and an old process would see it mid-deploy.'

const builders = new Set(['selectAll', 'returningAll'])
const takesSql = new Set(['query', 'sql', 'executeSql'])

/** `select *`, `returning *`, `select distinct *`, and `t.*` in any list; `count(*)` and `2 * 3` pass. */
const star = /\b(?:select|returning)\s+(?:distinct\s+|all\s+)?\*|[a-z_]\w*"?\s*\.\s*\*/i

/**
 * The text of a literal or template, with a name where an expression stands.
 * @param {Node} node
 * @returns {string}
 */
function textOf(node) {
  if (node?.type === 'Literal') return typeof node.value === 'string' ? node.value : ''
  if (node?.type === 'BinaryExpression') return textOf(node.left) + textOf(node.right)
  if (node?.type !== 'TemplateLiteral') return ''
  return node.quasis.map((/** @type {Node} */ part) => part.value.raw).join('x')
}

/**
 * Sees: `.selectAll(`, `.returningAll(`; sql`…`; text passed to `.query(`, `.executeSql(` and `sql…(`
 * as a literal, `+`, template, `{ text }` or a `const` in the same file.
 * Does not see: text that comes from another file or is built by a function.
 */
export const noSelectAll = {
  meta: { type: 'problem', docs: { description: 'column lists, no select *' } },
  create(/** @type {any} */ context) {
    if (isMigration(repoPath(context.physicalFilename) ?? '')) return {}
    return {
      TaggedTemplateExpression(/** @type {Node} */ node) {
        const tag = node.tag.type === 'CallExpression' ? node.tag.callee : node.tag
        if (calleeName(tag) === 'sql' && star.test(textOf(node.quasi))) {
          context.report({ node, message })
        }
      },
      CallExpression(/** @type {Node} */ node) {
        const { callee } = node
        const name = calleeName(callee) ?? ''
        if (builders.has(name) && callee.type === 'MemberExpression') {
          context.report({ node, message })
        }
        const ofSql = callee.type === 'MemberExpression' && callee.object.name === 'sql'
        if (!takesSql.has(name) && !ofSql) return
        const given = valueOf(context.sourceCode, node.arguments[0])
        const text = valueOf(context.sourceCode, propertyOf(given, 'text') ?? given)
        if (star.test(textOf(text))) context.report({ node, message })
      },
    }
  },
}
