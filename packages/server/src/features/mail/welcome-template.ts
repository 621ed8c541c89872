import type { Template } from './template.ts'

/**
 * What somebody is sent who has signed up. Without their name: whoever signs up with the address of
 * somebody else would write to them with it.
 */
export const welcomeTemplate: Template = {
  subject: 'Welcome',
  text: `Hello,

your account is ready. You sign in with this address, {{email}}, and your password.

If it was not you who signed up, you need not do anything.
`,
  html: `<p>Hello,</p>
<p>your account is ready. You sign in with this address, {{email}}, and your password.</p>
<p>If it was not you who signed up, you need not do anything.</p>
`,
}
