// Stops with a readable sentence when the Node that runs is too old: pnpm runs a script even when
// the install before it failed, and then the shell's own Node would meet syntax it does not know.
// Plain ES5, because an old Node has to be able to read it.
var parts = process.versions.node.split('.')
var major = Number(parts[0])
var minor = Number(parts[1])
if (major < 24 || (major === 24 && minor < 11)) {
  console.error(
    'Tautline needs Node 24.11 or newer, this is ' +
      process.versions.node +
      '.\n' +
      'The repository brings its own Node: run "npx pnpm@12 install" and read its errors,\n' +
      'or, on a platform it has none for, install Node 24.11 or newer yourself.',
  )
  process.exit(1)
}
