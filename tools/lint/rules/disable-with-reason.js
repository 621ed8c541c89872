/** @typedef {import('../ast.js').Node} Node */

const directive = /^\s*(?:oxlint|eslint)-disable(?:-next-line|-line)?(?=\s|$)(?<rest>[\s\S]*)$/
const wellFormed = /^\s+[\w@/-]+(?:\s*,\s*[\w@/-]+)*\s+--\s+\S.{7,}/

const message =
  "Name the rule and give the reason: 'oxlint-disable-next-line rule-name -- why it is right here'."

/** An exception is a decision: the next reader must find out what was decided and why. */
export const disableWithReason = {
  meta: { type: 'problem', docs: { description: 'a disabled rule is named and explained' } },
  create(/** @type {any} */ context) {
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments()) {
          const rest = directive.exec(comment.value)?.groups?.['rest']
          if (rest === undefined || wellFormed.test(rest)) continue
          // At the point where the comment starts: a blanket comment silences all that follows it, this too.
          context.report({ loc: { start: comment.loc.start, end: comment.loc.start }, message })
        }
      },
    }
  },
}
