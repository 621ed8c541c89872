/** @typedef {any} Node an ESTree node; oxlint publishes no types for plugins yet */

const notChildren = new Set(['parent', 'loc', 'range', 'tokens', 'comments'])

/**
 * Every node of a subtree, the root first.
 * @param {Node} root
 * @returns {Generator<Node>}
 */
export function* nodesOf(root) {
  yield root
  for (const [key, value] of Object.entries(root)) {
    if (notChildren.has(key)) continue
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string') yield* nodesOf(child)
    }
  }
}

/**
 * The name a member expression reads, `a.b` and `a['b']` alike.
 * @param {Node} node
 * @returns {string | undefined}
 */
export function memberName(node) {
  if (node?.type !== 'MemberExpression') return undefined
  if (!node.computed) return node.property.name
  return node.property.type === 'Literal' ? String(node.property.value) : undefined
}

/**
 * The last name of a callee: `readFileSync`, `fs.readFileSync` and `fs?.['readFileSync']` alike.
 * @param {Node} callee
 * @returns {string | undefined}
 */
export function calleeName(callee) {
  return callee.type === 'Identifier' ? callee.name : memberName(callee)
}

/**
 * @param {Node} node
 * @returns {boolean}
 */
export function isFunction(node) {
  return /^(ArrowFunctionExpression|FunctionExpression|FunctionDeclaration)$/.test(node?.type)
}

/**
 * The value of one property of an object literal.
 * @param {Node} object
 * @param {string} name
 * @returns {Node | undefined}
 */
export function propertyOf(object, name) {
  if (object?.type !== 'ObjectExpression') return undefined
  return object.properties.find(
    (/** @type {Node} */ { key }) => key?.name === name || key?.value === name,
  )?.value
}

/**
 * The variable that a name stands for at a node.
 * @param {any} sourceCode
 * @param {Node} identifier
 * @returns {any}
 */
export function variableOf(sourceCode, identifier) {
  for (let scope = sourceCode.getScope(identifier); scope; scope = scope.upper) {
    const variable = scope.set.get(identifier.name)
    if (variable) return variable
  }
  return undefined
}

/**
 * Follows `const x = …` to what it holds, so that a rule is not evaded by naming a value first.
 * @param {any} sourceCode
 * @param {Node} node
 * @returns {Node}
 */
export function valueOf(sourceCode, node) {
  if (node?.type !== 'Identifier') return node
  const definition = variableOf(sourceCode, node)?.defs[0]
  const constant = definition?.parent?.kind === 'const' && definition.node.id.type === 'Identifier'
  return (constant && definition.node.init) || node
}
