import { Load, sendLoad } from './load.ts'

/*
 * Sends load to the server at the URL in the first argument, whenever its parent says how much, and
 * tells what became of it.
 */
const [, , url = ''] = process.argv

process.once('disconnect', () => process.exit(0))
process.on('message', (message) => {
  sendLoad(url, Load.parse(message)).then(
    (outcome) => process.send?.(outcome),
    () => process.exit(1),
  )
})
