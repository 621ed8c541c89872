import { expect, test } from 'vitest'

import { fill, isWellFormed, namesIn } from './template.ts'

const template = {
  subject: 'For {{name}}',
  text: 'Hello {{ name }}, {{name}}: {{link}}',
  html: '<a title="{{name}}" href="{{link}}">{{name}}</a>',
}

test('each place gets its value, and in HTML it is text, whatever it says', () => {
  const variables = { name: `<b onclick='x'>"A & B"</b>`, link: '{{name}} $& $1' }
  const inHtml = '&lt;b onclick=&#39;x&#39;&gt;&quot;A &amp; B&quot;&lt;/b&gt;'
  expect(fill(template, variables)).toEqual({
    subject: `For ${variables.name}`,
    text: `Hello ${variables.name}, ${variables.name}: {{name}} $& $1`,
    html: `<a title="${inHtml}" href="{{name}} $&amp; $1">${inHtml}</a>`,
  })
})

test('the names are those that stand in it', () => {
  expect([...namesIn(template)]).toEqual(['name', 'link'])
  expect(() => fill(template, { name: 'Anna' })).toThrow('link, which is missing')
  expect(() => fill({ subject: '', text: '{{constructor}}' }, {})).toThrow('constructor')
})

test.each(['{{name', '{{ na me }}', '{{{name}}}', '{{}}', 'name}}', '{{1}}', '{{#if}}'])(
  'a template with %s is none',
  (part) => {
    for (const field of ['subject', 'text', 'html']) {
      expect(isWellFormed({ ...template, [field]: part })).toBe(false)
    }
    expect(isWellFormed(template)).toBe(true)
  },
)
