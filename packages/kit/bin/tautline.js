#!/usr/bin/env node
// Says what is missing before any newer syntax is read: an old Node would only find it strange.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 11)) await import('../dist/cli/main.js')
else {
  console.error(`tautline needs Node 24.11 or newer; this is ${process.versions.node}.`)
  process.exitCode = 1
}
